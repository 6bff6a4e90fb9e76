//! The description of the HTTP interface, as OpenAPI 3.1: every address, and all that it may answer.

mod operation;

use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder,
    response::ResponseBuilder,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use self::operation::{Operation, Shapes, delete, get, patch, post};
use crate::{problem::PROBLEM_JSON, rest::auth::COOKIE};

/// What every address may answer where something is wrong on the server's side.
const OURS: [u16; 2] = [500, 503];

/// Makes the document.
pub fn document() -> OpenApi {
    let mut shapes = Shapes::default();
    let mut paths = PathsBuilder::new();
    let groups = [
        ("Signing in", signing_in()),
        ("Conversations", conversations()),
        ("Hotel", hotel()),
        ("Stays", stays()),
        ("Server", others()),
    ];
    for (group, operations) in groups {
        for operation in operations {
            paths = operation.described(group, paths, &mut shapes);
        }
    }
    let info = InfoBuilder::new()
        .title("message_manager")
        .description(Some(
            "Guests write, hotel staff answer. The trailing slash is canonical; without it, all is the same.",
        ))
        .version(env!("CARGO_PKG_VERSION"))
        .build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components(shapes))).build()
}

fn components(mut shapes: Shapes) -> Components {
    let problem = shapes.of::<wire::Problem>();
    let mut components = Components::new();
    for (status, description) in operation::REFUSALS {
        let content = ContentBuilder::new().schema(Some(problem.clone())).build();
        let response = ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build();
        components.responses.insert(operation::refusal(status), response.into());
    }
    components.schemas = shapes.into_schemas();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let api_key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("mmk_…").build();
    components.add_security_scheme("api_key", SecurityScheme::Http(api_key));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))));
    components
}

fn signing_in() -> Vec<Operation> {
    vec![
        post("/api/auth/login/", "Sign in. Sets the session cookie.")
            .takes::<wire::Login>()
            .answers::<wire::SignedIn>(200)
            .refuses(&[400, 401, 406, 413, 415, 429]),
        post("/api/auth/refresh/", "Get new tokens, by the refresh token, or by the cookie and an own Origin.")
            .may_take::<wire::Refresh>()
            .by(&["cookie"])
            .answers::<wire::SignedIn>(200)
            .refuses(&[400, 401, 403, 406, 413, 415]),
        post("/api/auth/logout/", "Sign out: this session, or all of one's own.")
            .by(&["bearer", "cookie"])
            .asks("all", "boolean", "Whether to end every session of the caller.")
            .answers_nothing(204)
            .refuses(&[400, 401, 403]),
        post("/api/auth/password/", "Change one's password. Every other session ends.")
            .by(&["bearer"])
            .takes::<wire::PasswordChange>()
            .answers_nothing(204)
            .refuses(&[400, 401, 403, 406, 413, 415]),
        get("/api/auth/me/", "Who one is.").staff().answers::<wire::Me>(200),
    ]
}

fn conversations() -> Vec<Operation> {
    vec![
        get("/api/message_manager/conversations/", "List conversations, newest change first.")
            .staff()
            .paged()
            .asks("status", "string", "One or more of demo, checkin, active, relay, closed; comma-separated.")
            .asks("department", "integer", "Those routed there.")
            .asks("assigned_to", "string", "`me`, `none`, or a staff member's id.")
            .asks("unread", "boolean", "Those with messages that the caller has not read.")
            .asks(
                "search",
                "string",
                "Those with these words in guest name, room or phone; a phone number however it is written.",
            )
            .stands()
            .answers_inline::<wire::Page<wire::Conversation>>(200)
            .refuses(&[400, 404]),
        get("/api/message_manager/conversations/active_conversations/", "List the active ones, at most 500.")
            .staff()
            .stands()
            .answers_list::<wire::Conversation>(200),
        get("/api/message_manager/conversations/{id}/", "Show a conversation.")
            .staff()
            .stands()
            .answers::<wire::ConversationDetails>(200)
            .refuses(&[404]),
        get("/api/message_manager/conversations/{id}/messages/", "List messages, oldest first.")
            .staff()
            .asks("limit", "integer", "At most so many, 1 to 1000; 200 if not given.")
            .asks("before", "integer", "Those before this message.")
            .asks("after", "integer", "Those after this message.")
            .asks("include", "string", "`notes`: internal notes, too.")
            .stands()
            .tells("Link", "What is left: `prev` is older, `next` is newer.")
            .answers_list::<wire::Message>(200)
            .refuses(&[400, 404]),
        post("/api/message_manager/conversations/{id}/send_message/", "Answer the guest.")
            .write::<wire::SendMessage>()
            .answers::<wire::Message>(201),
        post("/api/message_manager/conversations/{id}/send_template/", "Send a template to the guest.")
            .write::<wire::SendTemplate>()
            .answers::<wire::Message>(201),
        post("/api/message_manager/conversations/{id}/attachments/", "Send a file of at most 16 MiB to the guest.")
            .bare_write()
            .takes_upload()
            .answers::<wire::Message>(201),
        post(
            "/api/message_manager/conversations/{id}/messages/{message_id}/retry/",
            "Send a failed message once more.",
        )
        .bare_write()
        .answers::<wire::Message>(200),
        post("/api/message_manager/conversations/{id}/notes/", "Write an internal note.")
            .write::<wire::AddNote>()
            .answers::<wire::Message>(201),
        post("/api/message_manager/conversations/{id}/start_relay/", "Route to a department, or transfer.")
            .write::<wire::StartRelay>()
            .answers::<wire::ConversationDetails>(200),
        post("/api/message_manager/conversations/{id}/end_relay/", "Give the guest back to the flow.")
            .bare_write()
            .answers::<wire::RelayEnded>(200),
        post("/api/message_manager/conversations/{id}/assign/", "Give to a staff member, or to nobody.")
            .write::<wire::Assign>()
            .answers::<wire::ConversationDetails>(200),
        post("/api/message_manager/conversations/{id}/close/", "Close.")
            .bare_write()
            .answers::<wire::ConversationDetails>(200),
        post("/api/message_manager/conversations/{id}/reopen/", "Open a closed one.")
            .bare_write()
            .answers::<wire::ConversationDetails>(200),
        post("/api/message_manager/conversations/{id}/read/", "Move one's read mark forward.")
            .write::<wire::MarkRead>()
            .answers_nothing(204),
        get("/api/message_manager/attachments/{id}/", "Download a file of a message.")
            .staff()
            .answers_file(200)
            .refuses(&[404]),
        get("/api/message_manager/events/", "What has happened since, of all that the caller may see.")
            .staff()
            .needs("after_seq", "integer", "The last `seq` that is known; 0 for none. A worthless one: 409.")
            .asks("epoch", "string", "The history that it belongs to. Another than the database's: 409.")
            .answers::<wire::Missed>(200)
            .refuses(&[400, 409]),
    ]
}

fn hotel() -> Vec<Operation> {
    vec![
        get("/api/message_manager/departments/", "List the hotel's departments.")
            .staff()
            .paged()
            .answers_inline::<wire::Page<wire::Department>>(200)
            .refuses(&[400, 404]),
        post("/api/message_manager/departments/", "Make a department (managers).")
            .write::<wire::NewDepartment>()
            .answers::<wire::Department>(201),
        patch("/api/message_manager/departments/{id}/", "Rename a department (managers).")
            .write::<wire::ChangeDepartment>()
            .answers::<wire::Department>(200),
        get("/api/message_manager/staff/", "List the hotel's staff.")
            .staff()
            .paged()
            .answers_inline::<wire::Page<wire::Staff>>(200)
            .refuses(&[400, 404]),
        post("/api/message_manager/staff/", "Make a staff member (managers).")
            .write::<wire::NewStaff>()
            .answers::<wire::Staff>(201),
        patch("/api/message_manager/staff/{id}/", "Change a staff member (managers).")
            .write::<wire::ChangeStaff>()
            .answers::<wire::Staff>(200),
        get("/api/message_manager/hotel/", "Show the hotel.").staff().answers::<wire::Hotel>(200),
        patch("/api/message_manager/hotel/", "Change the hotel (managers).")
            .write::<wire::ChangeHotel>()
            .answers::<wire::Hotel>(200),
        get("/api/message_manager/templates/", "List the hotel's templates of messages.")
            .staff()
            .paged()
            .answers_inline::<wire::Page<wire::Template>>(200)
            .refuses(&[400, 404]),
        post("/api/message_manager/templates/", "Make a template (managers).")
            .write::<wire::NewTemplate>()
            .answers::<wire::Template>(201),
        patch("/api/message_manager/templates/{id}/", "Change a template (managers).")
            .write::<wire::ChangeTemplate>()
            .answers::<wire::Template>(200),
        delete("/api/message_manager/templates/{id}/", "Delete a template (managers).")
            .bare_write()
            .answers_nothing(204),
    ]
}

fn stays() -> Vec<Operation> {
    vec![
        get("/api/message_manager/stays/", "List the hotel's stays, last made first (managers).")
            .staff()
            .paged()
            .answers_inline::<wire::Page<wire::Stay>>(200)
            .refuses(&[400, 404]),
        post("/api/message_manager/stays/", "Book a stay (managers).")
            .write::<wire::NewStay>()
            .answers::<wire::Stay>(201),
        patch("/api/message_manager/stays/{id}/", "Change a stay (managers).")
            .write::<wire::ChangeStay>()
            .answers::<wire::Stay>(200),
        post("/api/message_manager/stays/import/", "Take in stays from CSV, at most 4 MiB (managers, API keys).")
            .bare_write()
            .by(&["api_key"])
            .takes_file("text/csv")
            .answers::<wire::Imported>(200),
        post("/api/message_manager/stays/{id}/check_in/", "The guest has arrived (managers, API keys).")
            .bare_write()
            .by(&["api_key"])
            .answers::<wire::Stay>(200),
        post("/api/message_manager/stays/{id}/check_out/", "The guest has left (managers, API keys).")
            .bare_write()
            .by(&["api_key"])
            .answers::<wire::Stay>(200),
    ]
}

fn others() -> Vec<Operation> {
    vec![
        post("/api/demo/guest_message/", "Play a guest who writes; only on a server started with --demo.")
            .takes::<wire::GuestMessage>()
            .answers::<wire::GuestMessageStored>(201)
            .refuses(&[400, 404, 406, 413, 415]),
        get("/webhooks/whatsapp/", "Whether this is the place for Meta to call.")
            .asks("hub.mode", "string", "`subscribe`.")
            .asks("hub.verify_token", "string", "The word that both sides know.")
            .asks("hub.challenge", "string", "What is answered.")
            .answers_text(200)
            .refuses(&[403]),
        post("/webhooks/whatsapp/", "What WhatsApp tells: guests' messages, and what became of ours. Signed by Meta.")
            .answers_nothing(200)
            .refuses(&[400, 401, 413]),
        get("/ws/staff/", "Upgrade to the live connection; asyncapi.json tells what is said there.")
            .by(&["bearer", "cookie"])
            .answers_nothing(101)
            .refuses(&[400, 401, 403, 426, 429]),
        get("/healthz", "Whether the process lives.").answers_text(200),
        get("/readyz", "Whether the server can do its work.").answers_text(200).answers_text(503),
        get("/metrics", "Figures for Prometheus.").answers_text(200),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn printed() -> Value {
        serde_json::to_value(document()).unwrap()
    }

    /// Collects what `$ref`s point to.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    found.push(reference.clone());
                }
                map.values().for_each(|it| references(it, found));
            }
            Value::Array(list) => list.iter().for_each(|it| references(it, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = printed();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_tells_its_failures() {
        let document = printed();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status < &"400".to_owned()), "{method} {path}");
                if path.starts_with("/api/message_manager/") {
                    assert!(["401", "406", "503"].iter().all(|it| responses.contains_key(*it)), "{method} {path}");
                }
            }
        }
        assert_eq!(document["openapi"], "3.1.0");
    }

    #[test]
    fn pages_of_different_things_are_different() {
        let document = printed();
        let item = |path: &str| {
            let answer = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"];
            let item = answer["schema"]["properties"]["results"]["items"]["$ref"].clone();
            item.as_str().unwrap().to_owned()
        };
        assert_eq!(item("/api/message_manager/staff/"), "#/components/schemas/Staff");
        assert_eq!(item("/api/message_manager/conversations/"), "#/components/schemas/Conversation");
    }
}
