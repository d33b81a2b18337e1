"""A network for checks that ask a real one."""

import pytest

import auditkit


@pytest.fixture
def model(random_card):
    return auditkit.load_model(random_card(48))
