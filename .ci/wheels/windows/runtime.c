/* In place of MinGW's C run time, of which every module would have a copy of 50 KB: what modules in
 * C need beside the system's libraries. They have nothing to set up when they are loaded.
 */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <windows.h>

BOOL WINAPI DllMainCRTStartup(HINSTANCE module, DWORD reason, LPVOID reserved)
{
    return (void)module, (void)reason, (void)reserved, TRUE;
}

/* Where a thread's own variables begin and end, for the system to copy them. */
ULONG _tls_index;
__attribute__((section(".tls"))) char _tls_start;
__attribute__((section(".tls$ZZZ"))) char _tls_end;
__attribute__((section(".rdata"))) const IMAGE_TLS_DIRECTORY _tls_used = {
    (ULONG_PTR)&_tls_start, (ULONG_PTR)&_tls_end, (ULONG_PTR)&_tls_index, 0, 0, 0};

#define AS_C99 2 /* of the system's options: the end is marked, the whole length returned */
int __stdio_common_vsprintf(unsigned long long, char *, size_t, const char *, void *, va_list);

int vsnprintf(char *out, size_t size, const char *format, va_list arguments)
{
    return __stdio_common_vsprintf(AS_C99, out, size, format, NULL, arguments);
}

/* MinGW's names of what its headers make of isnan() and isfinite(). */
#define CLASS(x) __builtin_fpclassify(FP_NAN, FP_INFINITE, FP_NORMAL, FP_SUBNORMAL, FP_ZERO, x)
int __fpclassify(double x) { return CLASS(x); }
int __fpclassifyf(float x) { return CLASS(x); }
int __isnan(double x) { return __builtin_isnan(x); }
int __isnanf(float x) { return __builtin_isnan(x); }

/* Before a function takes more of the stack than a page: touch every page of it in turn, from which
 * the system knows that it is wanted. All registers stay as they are but for the flags. */
#ifdef __x86_64__ /* rax: bytes */
__asm__(".globl ___chkstk_ms\n"
        "___chkstk_ms:\n"
        "    pushq %rcx\n"
        "    pushq %rax\n"
        "    leaq 24(%rsp), %rcx\n" /* the caller's stack */
        "1:  cmpq $4096, %rax\n"
        "    jbe 2f\n"
        "    subq $4096, %rcx\n"
        "    testb $0, (%rcx)\n"
        "    subq $4096, %rax\n"
        "    jmp 1b\n"
        "2:  subq %rax, %rcx\n"
        "    testb $0, (%rcx)\n"
        "    popq %rax\n"
        "    popq %rcx\n"
        "    ret\n");
#else /* 64-bit ARM, x15: sixteenths of the bytes; x16 and x17 are free */
__asm__(".globl __chkstk\n"
        "__chkstk:\n"
        "    lsl x16, x15, #4\n"
        "    mov x17, sp\n"
        "1:  sub x17, x17, #4096\n"
        "    ldrb wzr, [x17]\n"
        "    subs x16, x16, #4096\n"
        "    b.gt 1b\n"
        "    ret\n");
#endif
