"""The web application of a running study."""

from auditkit.study.web.app import create_app

__all__ = ["create_app"]
