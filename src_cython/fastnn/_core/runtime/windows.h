/* Windows' own header, without what nobody here asks for. */
#ifndef FASTNN_WINDOWS_H
#define FASTNN_WINDOWS_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX /* macros that would be taken for functions */
#define NOMINMAX
#endif
#include <windows.h>

#endif
