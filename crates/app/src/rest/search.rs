//! Search for messages.

use desk::search::FoundMessage;
use domain::SenderType;
use wire::response::{PageResponse, SearchHitResponse, SearchPageResponse};

use super::responses::{cursor_response, page_body};
use crate::{
    endpoint::{Endpoint, ParameterValues, get},
    problem::HandlerResult,
    request::{ApiRequest, MAX_SEARCH_CHARS, message_search, page},
};

const DAYS: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/search/", "Search for messages, best first.", search_messages)
            .describe(
                "Finds visible messages with all words, in any order, without regard to case and accents. Words in \
                 double quotes must stand side by side. If no message fits, the last word may be unfinished: then `tow` \
                 finds `towels`, if the word has at least three characters and is not quoted. Internal notes are not searched. The newest 1,000 messages that \
                 fit are found: first those with the words in the order of `q`, then those with the words near to each \
                 other, each newest first. If `q` is a phone number, however it is written, the newest message of each \
                 conversation of that guest comes first. After 2 s: 503 `search_timeout`.",
            )
            .required_query(
                "q",
                ParameterValues::NonBlank { max: MAX_SEARCH_CHARS },
                "Words, phrases in double quotes, or a phone number.",
            )
            .query("conversation_id", ParameterValues::Id, "Only messages of this conversation.")
            .query("room", ParameterValues::Words { max: 200 }, "Only messages about stays in this room.")
            .query("sender_type", ParameterValues::OneOf(SenderType::NAMES), "Only messages of these senders.")
            .query("from", ParameterValues::Pattern(DAYS), "Only messages of this day and later, in the hotel's zone.")
            .query("to", ParameterValues::Pattern(DAYS), "Only messages of this day and earlier, in the hotel's zone.")
            .with_cursor()
            .returns_page::<SearchPageResponse>(),
    ]
}

async fn search_messages(request: ApiRequest) -> HandlerResult {
    let mut query = request.query();
    let page = page(&mut query)?;
    let search = message_search(&mut query);
    let search = query.finish(search)?;
    let mut found = request.desk().search_messages(request.caller, search, page).await?;
    let hit = |it: FoundMessage| SearchHitResponse::new(&it.message, &it.conversation, it.excerpt);
    let results = std::mem::take(&mut found.value.results).into_iter().map(hit).collect();
    let PageResponse { count, next, previous, results } = page_body(&request, page, found.value.count, results);
    let body = SearchPageResponse { count, next, previous, results, indexing: found.value.is_indexing };
    Ok(cursor_response(&found, body))
}
