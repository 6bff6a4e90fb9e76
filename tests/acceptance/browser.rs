//! In a real browser: the sample of the interface's first description, and the server's pages.

use acceptance::{Backend, Hotel, PASSWORD, Value, browser::Browser, in_hotel, json, on_both};

/// The sample, as it stands there.
const SAMPLE: &str = include_str!("seed/sample.js");

/// What the sample leaves to its reader: to sign in, and to show what comes.
const SURROUNDINGS: &str = "
    var shown = [], notified = [], jwtToken;
    function addMessageToUI(data) { shown.push(data); }
    function showNewConversationNotification(data) { notified.push(data); }
    async function signIn(username, password) {
        const headers = { 'Content-Type': 'application/json' };
        const body = JSON.stringify({ username, password });
        const response = await fetch('/api/auth/login/', { method: 'POST', headers, body });
        jwtToken = (await response.json()).access;
        return response.status;
    }
    function until(holds) {
        return new Promise(done => {
            const look = () => holds() ? done() : setTimeout(look, 5);
            look();
        });
    }
";

/// A call in JavaScript, with JSON for its arguments.
fn call(function: &str, arguments: &[Value]) -> String {
    let arguments: Vec<String> = arguments.iter().map(Value::to_string).collect();
    format!("{function}({})", arguments.join(", "))
}

/// What was shown as the last of so many messages.
async fn shown(page: &mut Browser, number: usize) -> Value {
    page.run(&format!("until(() => shown.length >= {number})")).await;
    page.run("shown[shown.length - 1]").await
}

on_both!(the_sample_works_as_it_stands, |hotel| {
    let Some(mut page) = Browser::start().await else { return };
    let (world, stay, username) = (&hotel.world, hotel.relay(0), hotel.member_of(0).username);
    page.open(&format!("{}/", world.base())).await;
    page.run(SURROUNDINGS).await;
    assert_eq!(page.run(&call("signIn", &[json!(username), json!(PASSWORD)])).await, 200);
    // The cookie of the sign-in opens the socket.
    page.run(&SAMPLE.replace("your-domain", &world.address())).await;
    page.run("until(() => ws.readyState === WebSocket.OPEN)").await;
    let list = page.run("fetchConversations()").await;
    assert_eq!(list, hotel.of(0).await.get("conversations/").await.is(200)["results"]);
    page.run(&call("subscribeToConversation", &[json!(stay.id)])).await;
    page.run(&call("sendWebSocketMessage", &[json!(stay.id), json!("by socket")])).await;
    let event = shown(&mut page, 1).await;
    assert_eq!((&event["content"], &event["stay_id"]), (&json!("by socket"), &json!(stay.id)));
    // Its parameter is named stayId, but its path takes the conversation.
    let sent = page.run(&call("sendRESTMessage", &[json!(stay.conversation), json!("by REST")])).await;
    assert_eq!((&sent["content"], &sent["sender_type"]), (&json!("by REST"), &json!("staff")));
    assert_eq!(shown(&mut page, 2).await["id"], sent["id"]);
    hotel.guest_says(&stay.phone, "from the guest").await;
    let event = shown(&mut page, 3).await;
    assert_eq!((&event["content"], &event["sender_type"]), (&json!("from the guest"), &json!("guest")));
    hotel.guest_says(&hotel.new_phone(), "somebody new").await;
    page.run("until(() => notified.length === 1)").await;
    let messages = page.run(&call("fetchMessages", &[json!(stay.conversation)])).await;
    let words: Vec<&Value> = messages.as_array().unwrap().iter().rev().take(3).map(|it| &it["content"]).collect();
    assert_eq!(words, ["from the guest", "by REST", "by socket"]);
});

/// Opens a page, waits until this holds there, and looks what the browser had to say.
async fn loads(hotel: &Hotel, path: &str, holds: &str) {
    let Some(mut page) = Browser::start().await else { return };
    let base = hotel.world.base();
    page.open(&format!("{base}{path}")).await;
    page.run(SURROUNDINGS).await;
    page.run(&format!("until(() => {holds})")).await;
    let happened = page.happened().await;
    let asked: Vec<&str> = happened.iter().filter_map(|it| it["params"]["request"]["url"].as_str()).collect();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|url| url.starts_with(&base) || url.starts_with("data:")), "{asked:?}");
    let is_complaint = |it: &&Value| {
        let levels = [&it["params"]["entry"]["level"], &it["params"]["type"]];
        it["method"] == "Runtime.exceptionThrown" || levels.iter().any(|it| **it == "error" || **it == "warning")
    };
    let complaints: Vec<&Value> = happened.iter().filter(is_complaint).collect();
    assert!(complaints.is_empty(), "{path}: {complaints:?}");
}

#[test]
fn the_first_page_loads_whole_and_by_itself() {
    in_hotel(Backend::Sqlite, async |hotel: Hotel| loads(&hotel, "/", "document.querySelector('h1')").await);
}

#[test]
fn the_api_s_pages_load_whole_and_by_themselves() {
    let holds = "document.querySelectorAll('.opblock').length > 20";
    in_hotel(Backend::Sqlite, async |hotel: Hotel| loads(&hotel, "/api/docs/", holds).await);
}
