//! The numbers of inboxes (`counts`) for sockets that asked for them: read once for all of them, at most once a second, and
//! beside the feed, so that no event waits for numbers. They are not logged: a lost one is replaced by the next.

use std::collections::HashMap;

use desk::Caller;
use domain::StaffId;

use crate::{
    feed::{
        counts_schedule::{CountsByStaff, CountsStep},
        recipients::CurrentDepartment,
        state::Feed,
    },
    socket::{CountsInterest, SocketId, SocketState, frames},
};

impl Feed {
    /// Returns whether a socket has asked for the numbers of its inbox.
    pub(crate) fn has_counts(&self) -> bool {
        let has_asked = |state: &SocketState| state.counts != CountsInterest::None;
        self.inboxes.values().any(|socket| socket.state().as_ref().is_some_and(has_asked))
    }

    /// Records that a change concerns all who may see a conversation that is routed to `current`.
    pub(crate) fn mark_counts(&self, current: CurrentDepartment) {
        let Some(department) = current else { return };
        for socket in self.inboxes.values() {
            if let Some(state) = socket.state().as_mut().filter(|state| state.reach.covers(self.hotel, department)) {
                self.counts.mark(state);
            }
        }
    }

    pub(crate) fn run_counts_step(&mut self, step: CountsStep) {
        match step {
            CountsStep::Read => self.read_counts(),
            CountsStep::Send(sockets, counts) => self.send_counts(&sockets, counts.as_ref()),
        }
    }

    /// Begins to read the numbers for all sockets whose numbers are stale. Sockets in a replay come later.
    fn read_counts(&mut self) {
        let (mut sockets, mut callers): (Vec<SocketId>, HashMap<StaffId, Caller>) = Default::default();
        for socket in self.inboxes.values() {
            if let Some(state) = socket.state().as_mut().filter(|state| state.is_live())
                && state.counts == CountsInterest::Stale
            {
                state.counts = CountsInterest::UpToDate;
                sockets.push(socket.id);
                callers.insert(socket.caller.staff, socket.caller);
            }
        }
        self.counts.clear();
        if sockets.is_empty() {
            return;
        }
        let (desk, hotel) = (self.context.desk.clone(), self.hotel);
        let callers = callers.into_values().collect();
        let task = actix::spawn(async move { desk.count_inboxes(hotel, callers).await });
        self.counts.begin_read(sockets, task);
    }

    /// Sends the numbers to the sockets for which they were read. A socket that sees other conversations by now gets
    /// numbers that are read anew.
    fn send_counts(&mut self, sockets: &[SocketId], counts: Option<&CountsByStaff>) {
        let mut frames = HashMap::new();
        for socket in sockets.iter().filter_map(|id| self.inboxes.get(id)) {
            let staff = socket.caller.staff;
            let mut guard = socket.state();
            let Some(state) = guard.as_mut().filter(|state| state.counts != CountsInterest::None) else { continue };
            match counts.and_then(|counts| counts.get(&staff)) {
                Some(counted) if counted.reach == state.reach && state.is_live() => {
                    let frame = frames.entry(staff).or_insert_with(|| frames::counts(&counted.counts));
                    self.wake_list.send(socket, frame.clone());
                }
                _ => self.counts.mark(state),
            }
        }
        self.counts.end_read();
        self.wake_sockets();
    }
}
