//! Tests in a real browser: the JavaScript sample of the specification, and the pages that the server serves.

use acceptance::{
    DatabaseKind, PASSWORD, Port, TestHotel, TestWorld, Value, WorldOptions, alone, browser::Browser, in_hotel, json,
    on_sqlite,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// The sample, unchanged.
const SAMPLE: &str = include_str!("specification_examples/sample.js");

/// The parts that the sample leaves to its reader: sign-in and display.
const SAMPLE_ENVIRONMENT: &str = "
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
";

/// Waits until a condition holds.
const UNTIL: &str = "
    function until(holds) {
        return new Promise(done => {
            const look = () => holds() ? done() : setTimeout(look, 5);
            look();
        });
    }
";

/// A JavaScript call with JSON arguments.
fn call(function: &str, arguments: &[Value]) -> String {
    let arguments: Vec<String> = arguments.iter().map(Value::to_string).collect();
    format!("{function}({})", arguments.join(", "))
}

/// Waits until `number` messages were displayed, and returns the last of them.
async fn displayed_message(page: &mut Browser, number: usize) -> Value {
    page.run(&format!("until(() => shown.length >= {number})")).await;
    page.run("shown[shown.length - 1]").await
}

on_sqlite!(the_javascript_sample_works_unchanged, |hotel| {
    let Some(mut page) = Browser::start().await else { return };
    let (world, stay, username) = (&hotel.world, hotel.relay(0), hotel.member_of(0).username);
    page.open(&format!("{}/", world.base())).await;
    page.run(SAMPLE_ENVIRONMENT).await;
    page.run(UNTIL).await;
    assert_eq!(page.run(&call("signIn", &[json!(username), json!(PASSWORD)])).await, 200);
    // The session cookie authorizes the WebSocket upgrade.
    page.run(&SAMPLE.replace("your-domain", &world.address())).await;
    page.run("until(() => ws.readyState === WebSocket.OPEN)").await;
    let list = page.run("fetchConversations()").await;
    assert_eq!(list, hotel.of(0).await.get("conversations/").await.is(200)["results"]);
    page.run(&call("subscribeToConversation", &[json!(stay.id)])).await;
    page.run(&call("sendWebSocketMessage", &[json!(stay.id), json!("by socket")])).await;
    let event = displayed_message(&mut page, 1).await;
    assert_eq!((&event["content"], &event["stay_id"]), (&json!("by socket"), &json!(stay.id)));
    // The sample names the parameter `stayId`, but the path takes the conversation id.
    let sent = page.run(&call("sendRESTMessage", &[json!(stay.conversation), json!("by REST")])).await;
    assert_eq!((&sent["content"], &sent["sender_type"]), (&json!("by REST"), &json!("staff")));
    assert_eq!(displayed_message(&mut page, 2).await["id"], sent["id"]);
    hotel.send_guest_message(&stay.phone, "from the guest").await;
    let event = displayed_message(&mut page, 3).await;
    assert_eq!((&event["content"], &event["sender_type"]), (&json!("from the guest"), &json!("guest")));
    hotel.send_guest_message(&hotel.unused_phone(), "somebody new").await;
    page.run("until(() => notified.length === 1)").await;
    let messages = page.run(&call("fetchMessages", &[json!(stay.conversation)])).await;
    let texts: Vec<&Value> = messages.as_array().unwrap().iter().rev().take(3).map(|it| &it["content"]).collect();
    assert_eq!(texts, ["from the guest", "by REST", "by socket"]);
});

/// Opens a page, waits until a condition holds, and fails if the browser loaded anything from elsewhere or logged an
/// error.
async fn assert_page_loads(hotel: &TestHotel, path: &str, condition: &str) {
    let Some(mut page) = Browser::start().await else { return };
    let base = hotel.world.base();
    page.open(&format!("{base}{path}")).await;
    page.run(UNTIL).await;
    page.run(&format!("until(() => {condition})")).await;
    let browser_events = page.events().await;
    let requested: Vec<&str> = browser_events.iter().filter_map(|it| it["params"]["request"]["url"].as_str()).collect();
    assert!(!requested.is_empty());
    assert!(requested.iter().all(|url| url.starts_with(&base) || url.starts_with("data:")), "{requested:?}");
    let is_complaint = |event: &&Value| {
        let levels = [&event["params"]["entry"]["level"], &event["params"]["type"]];
        event["method"] == "Runtime.exceptionThrown" || levels.iter().any(|it| **it == "error" || **it == "warning")
    };
    // Without a session the console learns from a 401 that nobody is signed in, which browsers report as an error.
    let is_signed_out = |event: &&Value| {
        let url = event["params"]["entry"]["url"].as_str().unwrap_or_default();
        url.ends_with("/api/auth/refresh/") || url.ends_with("/api/demo/")
    };
    let complaints: Vec<&Value> = browser_events.iter().filter(is_complaint).filter(|it| !is_signed_out(it)).collect();
    assert!(complaints.is_empty(), "{path}: {complaints:?}");
}

#[test]
fn the_first_page_loads_without_errors_or_external_resources() {
    in_hotel(DatabaseKind::Sqlite, async |hotel: TestHotel| {
        assert_page_loads(&hotel, "/", "document.querySelector('h1')").await
    });
}

#[test]
fn the_api_browser_loads_without_errors_or_external_resources() {
    let condition = "document.querySelectorAll('.opblock').length > 20";
    in_hotel(DatabaseKind::Sqlite, async |hotel: TestHotel| assert_page_loads(&hotel, "/api/docs/", condition).await);
}

/// The page of `docs/examples/`, unchanged.
const EXAMPLE_PAGE: &str = include_str!("../../docs/examples/inbox.html");

/// Serves a page on a port of loopback until the runtime ends.
async fn serve_page(port: &Port, page: &'static str) {
    let listener = TcpListener::bind(port.address()).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.read(&mut [0; 4096]).await;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length";
            let _ = client.write_all(format!("{head}: {}\r\n\r\n{page}", page.len()).as_bytes()).await;
        }
    });
}

#[test]
fn the_example_page_lists_follows_and_resumes() {
    let port = Port::free();
    let origin = format!("http://{}", port.address());
    let options = WorldOptions::default().hotels(1).set("ALLOWED_ORIGINS", &origin);
    alone(DatabaseKind::Sqlite, options, async |world: std::sync::Arc<TestWorld>| {
        let Some(mut page) = Browser::start().await else { return };
        serve_page(&port, EXAMPLE_PAGE).await;
        let hotel = world.hotel();
        let (stay, username) = (hotel.relay(0), hotel.member_of(0).username);
        page.open(&format!("{origin}/?server={}", world.base())).await;
        page.run(UNTIL).await;
        page.run(&call("signIn", &[json!(username), json!(PASSWORD)])).await;
        let shows = |text: &str| format!("until(() => document.getElementById('inbox').innerText.includes('{text}'))");
        page.run(&shows(&stay.room)).await;
        page.run("until(() => follow.live)").await;
        hotel.send_guest_message(&stay.phone, "followed live").await;
        page.run(&shows("followed live")).await;
        // Nothing that happens without a connection is missed.
        page.run("socket.onclose = null; socket.close()").await;
        hotel.send_guest_message(&stay.phone, "written meanwhile").await;
        assert_eq!(page.run("document.body.innerText.includes('written meanwhile')").await, false);
        page.run("follow.live = false; follow()").await;
        page.run(&shows("written meanwhile")).await;
        let requests = page.events().await.iter();
        let urls = requests.filter(|it| it["method"] == "Network.requestWillBeSent");
        let loads = urls.filter(|it| {
            let request = &it["params"]["request"];
            request["method"] == "GET" && request["url"].as_str().is_some_and(|url| url.ends_with("/inbox/"))
        });
        assert_eq!(loads.count(), 1, "the page has loaded everything again");
    });
}
