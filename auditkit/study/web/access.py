"""Who asks: sessions in a cookie, roles, and the token that every form carries."""

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from auditkit.study.folder import Blinded
from auditkit.study.kinds import Role, Session
from auditkit.study.storing import Store
from auditkit.study.web.rates import Rates

SESSION_VALID: Final = timedelta(hours=12)

_TOKEN: Final = re.compile(r"[\w-]{16,128}", re.ASCII)


@dataclass(frozen=True)
class Access:
    """Sessions of one study.

    Attributes:
        store: knows them.
        cookie: name of the cookie.
        secure: whether the cookie is for TLS alone.
        rates: gives everybody who is signed in their own rate.
    """

    store: Store
    cookie: str
    secure: bool
    rates: Rates

    def token(self, request: Request) -> str:
        """The token of the session that a request names; "" if it names none."""
        token = request.cookies.get(self.cookie, "")
        return token if _TOKEN.fullmatch(token) else ""

    def session(self, request: Request) -> Session | None:
        """Who is signed in."""
        token = self.token(request)
        found = self.store.session(token) if token else None
        if found:
            self.rates.know(token)
        return found

    def signed_in(self, request: Request, role: Role | None = None) -> Session:
        """Who is signed in.

        Raises:
            HTTPException: 403, nobody, or nobody in that role.
        """
        found = self.session(request)
        if found is None:
            raise HTTPException(403, "You are not signed in. Open your invitation link.")
        if role and found.person.role != role:
            raise HTTPException(403, f"This page is for the study's {role}s.")
        return found

    def let_in(self, response: Response, token: str) -> None:
        """Have the browser keep a new session."""
        response.set_cookie(
            self.cookie,
            token,
            max_age=int(SESSION_VALID.total_seconds()),
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def let_out(self, response: Response) -> None:
        """Have the browser forget the session."""
        response.delete_cookie(
            self.cookie, path="/", secure=self.secure, httponly=True, samesite="strict"
        )


def cookie_name(study: Blinded, secure: bool) -> str:
    """Name of the cookie: one per study, since cookies do not tell ports of one machine apart."""
    name = f"auditkit-{sha256(study.study.encode()).hexdigest()[:8]}"
    return f"__Host-{name}" if secure else name


def check_csrf(session: Session, given: str) -> None:
    """That a form was made for this session.

    Raises:
        HTTPException: 403, it was not.
    """
    if not hmac.compare_digest(session.csrf.encode(), given.encode()):
        raise HTTPException(
            403, "This page is of another session. Reload it, and enter your answer again."
        )
