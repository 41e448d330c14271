"""What the page is told when something cannot be done."""

from __future__ import annotations


class Refused(ValueError):
    """An answer of the server that the page shows in words.

    Parameters
    ----------
    code : str
        A key of the page's texts, such as "error_table", which both languages have.
    detail : str, default ""
        What the library said of it.
    status : int, default 400
        Of HTTP.
    """

    def __init__(self, code: str, detail: str = "", status: int = 400) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail, self.status = code, detail, status
