"""Uses a client that openapi-python-client generated: sign in, list, send, upload, follow the events."""

import io
import sys

from message_manager_client import AuthenticatedClient, Client
from message_manager_client.api.conversations import list_conversations, list_events, send_attachment, send_message
from message_manager_client.api.signing_in import log_in
from message_manager_client.models import (
    ConversationPage,
    Login,
    Message,
    Missed,
    NewMessageEvent,
    SendAttachmentBody,
    SendMessage,
    SignedIn,
)
from message_manager_client.types import File

base, username, password = sys.argv[1:]

signed_in = log_in.sync(client=Client(base_url=base), body=Login(username=username, password=password))
assert isinstance(signed_in, SignedIn), signed_in
client = AuthenticatedClient(base_url=base, token=signed_in.access)

response = list_conversations.sync_detailed(client=client)
assert isinstance(response.parsed, ConversationPage), response
cursor = int(response.headers["X-Event-Seq"])
conversation = response.parsed.results[0]

sent = send_message.sync(conversation.id, client=client, body=SendMessage(text="from Python"), idempotency_key="python-1")
assert isinstance(sent, Message) and sent.content == "from Python", sent

picture = File(payload=io.BytesIO(b"%PDF-1.4 map of the house"), file_name="map.pdf", mime_type="application/pdf")
uploaded = send_attachment.sync(conversation.id, client=client, body=SendAttachmentBody(file=picture, text="The map"))
assert isinstance(uploaded, Message) and uploaded.attachments[0].name == "map.pdf", uploaded

missed = list_events.sync(client=client, after_seq=cursor)
assert isinstance(missed, Missed), missed
messages = [event.content for event in missed.results if isinstance(event, NewMessageEvent)]
assert messages == ["from Python", "The map"], messages
print("ok")
