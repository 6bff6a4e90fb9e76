//! Following the hotel's log: events are handed out in their order and without a gap, from what
//! the commits carried, else as the log has them.

use std::{
    sync::atomic::Ordering::{Relaxed, Release},
    time::Duration,
};

use desk::{LogRange, Survey, Surveyed};
use domain::{Event, Seq};

use crate::{feed::Feed, outbox::Closing};

/// Events that are read from the log at once.
const READ: i64 = 500;

impl Feed {
    /// Notes that an event was handed out.
    pub(crate) fn come_to(&mut self, seq: Seq) {
        self.position = seq;
        self.shared_position.store(seq.0, Release);
    }

    /// Hands out all that is known to have been committed.
    pub(crate) async fn catch_up(&mut self) {
        self.take_news();
        self.hand_out_to(self.head).await;
    }

    fn take_news(&mut self) {
        let (carried, head) = self.news.take();
        self.carried.extend(carried);
        self.head = self.head.max(head);
    }

    /// Hands out all up to a place and nothing after it: what was seen at that place is then to be
    /// acted upon, before anything else happens.
    pub(crate) async fn hand_out_to(&mut self, to: Seq) {
        self.hand_out_groups(to).await;
        // Not after each group: telling its conversation's actor gives way to the sockets, and those
        // already awake would write what is a part of the next group in a write of its own.
        self.wake();
    }

    async fn hand_out_groups(&mut self, to: Seq) {
        self.take_news();
        let mut goes_on = true;
        while goes_on && self.position < to {
            let Some(group) = self.carried.front().cloned() else {
                goes_on = self.read_on(to).await;
                continue;
            };
            let (hotel, position) = (self.hotel, self.position);
            let next: Vec<&Event> = group.iter().filter(|it| it.hotel == hotel && it.seq > position).collect();
            match next.first() {
                None => drop(self.carried.pop_front()),
                // What is left of the group stays.
                Some(first) if first.seq == position.next() => {
                    let due = next.iter().take_while(|it| it.seq <= to).copied().collect::<Vec<_>>();
                    self.hand_out(&due).await;
                }
                // A gap: what is missing is read.
                Some(_) => goes_on = self.read_on(to).await,
            }
        }
    }

    /// Hands out a page of the log, up to a place at most. False where the log does not go on.
    async fn read_on(&mut self, to: Seq) -> bool {
        self.wake();
        self.hub.tally().log_reads.fetch_add(1, Relaxed);
        let log = Some(LogRange { after: self.position, limit: READ.min(to.0 - self.position.0) });
        match self.desk.survey(Survey { hotel: self.hotel, looks: vec![], log, views: vec![] }).await {
            Ok(told) => {
                let page: Vec<&Event> = told.log.events.iter().collect();
                if !self.is_of_history(&told) || page.first().is_none_or(|it| it.seq != self.position.next()) {
                    // The log was pruned past this place, or is another one: nobody here can go on.
                    self.restart_all(&told).await;
                    return false;
                }
                self.hand_out(&page).await;
            }
            Err(error) => {
                log::warn!("hotel {}: the feed waits for the database: {error}", self.hotel);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        true
    }

    /// Whether the log still is the one that was followed. It has another name, or has gone back, where a
    /// backup was restored.
    fn is_of_history(&self, told: &Surveyed) -> bool {
        self.epoch == told.epoch && self.position <= told.head
    }

    /// Takes over in which history the log is. What the sockets know of another one is worthless: they come
    /// back, and are told so.
    pub(crate) async fn keep_to_history(&mut self, told: &Surveyed) {
        if self.epoch.is_empty() {
            self.epoch.clone_from(&told.epoch);
        } else if !self.is_of_history(told) {
            self.restart_all(told).await;
        }
    }

    async fn restart_all(&mut self, told: &Surveyed) {
        if self.epoch == told.epoch {
            log::error!("hotel {}: the log does not go on after {}; its sockets start anew", self.hotel, self.position);
        } else {
            log::info!("hotel {}: another history of the log begins; its sockets start anew", self.hotel);
        }
        for seat in self.seats.values().cloned().collect::<Vec<_>>() {
            seat.close(Closing::Restart);
            self.leave(&seat).await;
        }
        self.news.restart(told.head);
        self.carried.clear();
        self.epoch.clone_from(&told.epoch);
        self.head = told.head;
        self.come_to(told.head);
    }
}
