//! Test fixture: a hub with the demo hotel on a database of its own.

use std::sync::Arc;

use chrono::TimeDelta;
use desk::{
    Caller, Clock, DbUrl, Desk, SessionLifetimes,
    sign_in::{ClientFacts, Credentials},
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::{
    feed::{
        registry::FeedHandle,
        requests::{FeedRequest, SocketRequest},
    },
    hub::Hub,
    socket::{SocketHandle, send_queue::CloseCause},
};

pub(super) struct DemoNode {
    pub(super) hub: Hub,
    pub(super) desk: Desk,
    pub(super) caller: Caller,
    _folder: TempDir,
}

impl DemoNode {
    /// Creates the node and signs in as one of the demo's staff members. The hub does not get the commits of the desk.
    pub(super) async fn new(username: &str, clock: Arc<dyn Clock>) -> Self {
        let (folder, hub) = (tempfile::tempdir().unwrap(), Hub::new());
        let url = DbUrl::Sqlite(folder.path().join("test.db"));
        let lifetimes = SessionLifetimes { idle: TimeDelta::days(1), max: TimeDelta::days(1) };
        let desk = Desk::open(&url, &[7; 32], lifetimes, clock, Arc::new(|_| {})).await.unwrap();
        let password = desk.create_demo_hotel().await.unwrap().password;
        let client = ClientFacts { address: [127, 0, 0, 1].into(), device: None, user_agent: None };
        let credentials = Credentials { username: username.into(), password, remember: true, client };
        let token = desk.login(credentials).await.unwrap().access;
        let caller = desk.caller_of_token(&token).unwrap();
        assert!(hub.set_desk(desk.clone()));
        Self { hub, desk, caller, _folder: folder }
    }

    /// Opens a socket that joins the hotel's running feed.
    pub(super) fn connect(&self) -> Arc<SocketHandle> {
        let socket = self.hub.create_test_socket(self.caller);
        self.hub.join(&socket).unwrap();
        socket
    }

    pub(super) fn feed(&self) -> Option<FeedHandle> {
        self.hub.feeds().find(self.caller.hotel)
    }
}

pub(super) fn join_request(socket: &Arc<SocketHandle>) -> FeedRequest {
    FeedRequest::Socket(socket.clone(), SocketRequest::Join(oneshot::channel().0))
}

pub(super) fn close_cause(socket: &SocketHandle) -> Option<CloseCause> {
    socket.send_queue.take(usize::MAX).close_cause
}
