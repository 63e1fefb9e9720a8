"""FTP over TLS with the server's certificate checked, which fsspec's own leaves out."""

import ftplib
import ssl

from fsspec.implementations.ftp import FTPFileSystem


class CheckedFtp(FTPFileSystem):
    """fsspec's FTP; with ``tls`` the certificate must be one that the machine trusts."""

    def _connect(self) -> None:
        if self.tls:
            self.ftp: ftplib.FTP = ftplib.FTP_TLS(  # noqa: S321 (what departments have)
                timeout=self.timeout, encoding=self.encoding, context=ssl.create_default_context()
            )
        else:
            self.ftp = ftplib.FTP(timeout=self.timeout, encoding=self.encoding)  # noqa: S321 (likewise)
        self.ftp.connect(self.host, self.port)
        self.ftp.login(*self.cred)

    def __del__(self) -> None:
        if hasattr(self, "ftp"):
            self.ftp.close()
