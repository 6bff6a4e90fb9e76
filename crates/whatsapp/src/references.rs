//! What a guest message refers to beside its content: an advertisement, a product, the message that was forwarded.

use crate::json::JsonObject;
use crate::json_fields::JsonFields;
use crate::text::truncate;

/// Maximum length of each text of a reference that staff read.
const MAX_REFERENCE_CHARS: usize = 300;

/// The references of a guest message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageReferences {
    pub forwarded: Forwarding,
    /// The hotel's article number of the product from whose page the guest wrote.
    pub product: Option<String>,
    /// The advertisement or post from which the guest wrote.
    pub referral: Option<Referral>,
}

/// Whether the guest forwarded the message from another chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    #[default]
    No,
    Forwarded,
    /// The message has passed through more than five chats.
    OftenForwarded,
}

/// An advertisement or post with a button that opens a chat with the hotel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    pub is_post: bool,
    /// Headline of the advertisement, else its text.
    pub title: Option<String>,
    pub url: Option<String>,
}

impl MessageReferences {
    pub(crate) fn parse(message: &JsonObject) -> Self {
        let context = message.object("context");
        let is_set = |name| context.is_some_and(|it| it.is_true(name));
        let forwarded = match (is_set("forwarded"), is_set("frequently_forwarded")) {
            (_, true) => Forwarding::OftenForwarded,
            (true, false) => Forwarding::Forwarded,
            (false, false) => Forwarding::No,
        };
        let product = context.and_then(|it| it.object("referred_product")?.id("product_retailer_id"));
        Self { forwarded, product, referral: message.object("referral").and_then(Referral::parse) }
    }

    /// Adds the references to the text of a message that staff read, in words.
    pub(crate) fn mark(&self, text: String) -> String {
        let mark = match self.forwarded {
            Forwarding::No => "",
            Forwarding::Forwarded => "[forwarded] ",
            Forwarding::OftenForwarded => "[forwarded many times] ",
        };
        let product = self.product.as_deref().map(|id| format!("\n[product] {}", short(id)));
        let referral = self.referral.as_ref().map(|it| format!("\n{}", it.words()));
        format!("{mark}{text}{}{}", product.unwrap_or_default(), referral.unwrap_or_default())
    }
}

impl Referral {
    fn parse(referral: &JsonObject) -> Option<Self> {
        let title = referral.text("headline").or_else(|| referral.text("body"));
        let url = referral.text("source_url");
        let source_type = referral.text("source_type");
        if title.is_none() && url.is_none() && source_type.is_none() && referral.id("source_id").is_none() {
            return None;
        }
        Some(Self { is_post: source_type.is_some_and(|it| it == "post"), title, url })
    }

    fn words(&self) -> String {
        let label = if self.is_post { "[post]" } else { "[ad]" };
        let parts = [&self.title, &self.url].into_iter().flatten().map(|it| short(it));
        std::iter::once(label.to_owned()).chain(parts).collect::<Vec<_>>().join(" ")
    }
}

/// Returns a text in one line, shortened.
fn short(text: &str) -> String {
    truncate(&text.split_whitespace().collect::<Vec<_>>().join(" ").replace('\0', ""), MAX_REFERENCE_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn marked(message: &Value) -> String {
        MessageReferences::parse(message.as_object().unwrap()).mark("Hello".to_owned())
    }

    #[test]
    fn references_are_shown_with_the_text() {
        for (message, expected) in [
            (json!({}), "Hello"),
            (json!({"context": {"id": "w", "from": "1"}}), "Hello"),
            (json!({"context": {"forwarded": true}}), "[forwarded] Hello"),
            (json!({"context": {"forwarded": true, "frequently_forwarded": true}}), "[forwarded many times] Hello"),
            (
                json!({"context": {"id": "w", "referred_product": {"catalog_id": "8", "product_retailer_id": "SPA-1"}}}),
                "Hello\n[product] SPA-1",
            ),
            (
                json!({"referral": {"source_url": "https://fb.me/1", "source_type": "ad", "source_id": "7",
                    "headline": "Winter\nweekend", "body": "Two nights", "media_type": "image"}}),
                "Hello\n[ad] Winter weekend https://fb.me/1",
            ),
            (json!({"referral": {"source_type": "post", "body": "Two nights"}}), "Hello\n[post] Two nights"),
            (json!({"referral": {"source_id": "7"}}), "Hello\n[ad]"),
            (json!({"referral": {}}), "Hello"),
        ] {
            assert_eq!(marked(&message), expected, "{message}");
        }
        let long = json!({"referral": {"headline": "é".repeat(5000), "source_url": "u".repeat(5000)}});
        assert!(marked(&long).chars().count() < 700);
    }
}
