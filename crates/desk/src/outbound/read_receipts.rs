//! Read receipts: marks guest messages as read in WhatsApp after staff have read them.
//!
//! Best effort: a failure is logged and not retried.

pub(crate) mod queue;

use domain::{ConversationId, MessageId};
use persistence::messages;
use whatsapp::CloudApiClient;

use crate::{Desk, Error};

impl Desk {
    /// Sends the queued read receipts, for ever.
    pub async fn send_read_receipts(self, client: CloudApiClient) {
        loop {
            for (conversation, up_to) in self.read_receipts.next_batch().await {
                if let Err(error) = self.send_read_receipt(&client, conversation, up_to).await {
                    log::debug!("conversation {conversation}: read receipt dropped: {error}");
                }
            }
        }
    }

    async fn send_read_receipt(
        &self,
        client: &CloudApiClient,
        conversation: ConversationId,
        up_to: MessageId,
    ) -> Result<(), Error> {
        let newest = self.read(move |conn| Ok(messages::newest_guest_message(conn, conversation, up_to)?)).await?;
        let Some((message, number, whatsapp_message_id)) = newest else { return Ok(()) };
        // The newest guest message may be marked as read in WhatsApp already: a reply moves the read position beyond
        // it.
        if self.read_receipts.is_sent(conversation, message) {
            return Ok(());
        }
        match client.mark_read(&number, &whatsapp_message_id).await {
            Ok(()) => self.read_receipts.note_sent(conversation, message),
            Err(error) => log::debug!("conversation {conversation}: read receipt dropped: {error}"),
        }
        Ok(())
    }
}
