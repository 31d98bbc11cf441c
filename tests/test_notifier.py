"""notify() by mail, against a real mail server on this machine."""

from __future__ import annotations

import json

import pytest

import fluentml as fml
from tests.servers import free_port

pytestmark = pytest.mark.tfx

PASSWORD = "p@ss/word"


class Mailbox:
    """Keeps what comes in."""

    def __init__(self):
        self.messages = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.messages.append(envelope)
        return "250 OK"


def login(server, session, envelope, mechanism, data):
    from aiosmtpd.smtp import AuthResult

    return AuthResult(
        success=(data.login, data.password) == (b"bot", PASSWORD.encode()), handled=False
    )


@pytest.fixture
def mail_server():
    from aiosmtpd.controller import Controller

    mailbox = Mailbox()
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=login,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield controller.port, mailbox.messages
    finally:
        controller.stop()


def told(step, **status) -> dict:
    """Run the notifier's executor as a run does at its end."""
    from fluentml.executors.notifier import Executor

    component = step.to_tfx({"final_status": json.dumps(status), "summary": "AUC 0.9"})
    Executor().Do({}, {}, component.exec_properties)
    return component.exec_properties


def test_a_mail_arrives_once_the_password_is_right(mail_server, monkeypatch):
    port, messages = mail_server
    (step,) = (
        fml.PipelineDef("p")
        .notify(
            email="team@example.com",
            smtp=f"smtp://bot:${{MAIL_PASSWORD}}@127.0.0.1:{port}",
            only="failure",
        )
        .components
    )
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    status = {"pipelineJobName": "taxi", "pipelineJobUuid": "7"}
    told(step, state="SUCCEEDED", **status)
    assert messages == []
    kept = told(step, state="FAILED", error={"message": "Trainer failed"}, **status)
    (envelope,) = messages
    assert envelope.rcpt_tos == ["team@example.com"]
    text = envelope.content.decode()
    assert "Subject: Pipeline taxi failed (run 7)" in text
    assert text.rstrip().endswith("Trainer failed\r\n\r\nAUC 0.9")
    assert PASSWORD not in json.dumps(kept)
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    with pytest.raises(fml.DataError) as caught:
        told(step, state="FAILED", **status)
    assert "email: SMTPAuthenticationError" in str(caught.value)
    assert "wrong" not in str(caught.value)
    assert len(messages) == 1
