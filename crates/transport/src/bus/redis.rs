//! The bus through Redis: publish and subscribe, a channel for each hotel.

use std::{collections::HashSet, convert::Infallible, fmt, str::FromStr, time::Duration};

use domain::HotelId;
use futures_util::StreamExt;
use redis::{
    Client, Pipeline, RedisResult, Value,
    aio::{MultiplexedConnection, PubSubSink},
};
use tokio::{
    sync::Mutex,
    time::{interval, sleep, timeout},
};

use super::PATIENCE;
use crate::hub::Hub;

/// How long until a lost connection is tried again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often it is asked whether it still is one, since a dead line is silent.
const ALIVE: Duration = Duration::from_secs(5);

/// A `REDIS_URL`. Never shown: it may have a password in it.
#[derive(Clone)]
pub struct RedisUrl(Client);

/// A `REDIS_URL` that names no Redis. Its display goes on after the setting's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRedisUrl {
    /// Another scheme, or no address.
    #[error("must be like redis://127.0.0.1:6379, or redis://:PASSWORD@HOST:PORT")]
    Form,
    /// TLS.
    #[error(
        "asks for TLS (rediss), and this program has none to Redis: redis://HOST:PORT, in a network that is trusted"
    )]
    NoTls,
}

impl RedisUrl {
    /// Looks whether it answers, and takes what it is told.
    ///
    /// # Errors
    /// Why not, in words for a person; without the password.
    pub async fn ping(&self) -> Result<(), String> {
        within(async {
            let mut line = self.0.get_multiplexed_async_connection().await?;
            redis::pipe().cmd("PING").ignore().query_async(&mut line).await
        })
        .await
    }
}

impl FromStr for RedisUrl {
    type Err = BadRedisUrl;

    fn from_str(url: &str) -> Result<Self, BadRedisUrl> {
        if url.starts_with("rediss://") {
            return Err(BadRedisUrl::NoTls);
        }
        if !url.starts_with("redis://") {
            return Err(BadRedisUrl::Form);
        }
        Client::open(url).map(Self).map_err(|_| BadRedisUrl::Form)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis://…")
    }
}

/// A Redis, to tell others by.
pub(super) struct Redis {
    client: Client,
    channels: Channels,
    line: Mutex<Option<MultiplexedConnection>>,
}

/// The names of the hotels' channels: this, and the hotel's id.
#[derive(Clone)]
struct Channels(String);

impl Channels {
    fn of(&self, hotel: HotelId) -> String {
        format!("{}{}", self.0, hotel.0)
    }

    fn hotel(&self, channel: &str) -> Option<HotelId> {
        channel.strip_prefix(&self.0)?.parse().ok().map(HotelId)
    }
}

/// Begins to hear.
pub(super) fn begin(hub: &Hub, RedisUrl(client): RedisUrl, epoch: &str) -> Redis {
    let channels = Channels(format!("mm:{epoch}:"));
    let (listener, from, to) = (hub.clone(), client.clone(), channels.clone());
    hub.supervise("bus listener", move || listen(listener.clone(), from.clone(), to.clone()));
    Redis { client, channels, line: Mutex::default() }
}

impl Redis {
    /// Tells all who listen.
    pub(super) async fn publish(&self, batch: &[(HotelId, String)]) -> Result<(), String> {
        if batch.is_empty() {
            return self.ping().await;
        }
        let mut pipeline = redis::pipe();
        for (hotel, text) in batch {
            pipeline.cmd("PUBLISH").arg(self.channels.of(*hotel)).arg(text).ignore();
        }
        self.run(&pipeline).await
    }

    /// Looks whether it answers.
    pub(super) async fn ping(&self) -> Result<(), String> {
        self.run(redis::pipe().cmd("PING").ignore()).await
    }

    /// Runs commands on the one connection for it, which is made again after a failure.
    async fn run(&self, pipeline: &Pipeline) -> Result<(), String> {
        let done = within(async {
            let (mut line, kept) = self.connected().await?;
            match pipeline.query_async(&mut line).await {
                // One that was kept may be dead since long: Redis was restarted.
                Err(_) if kept => {
                    *self.line.lock().await = None;
                    pipeline.query_async(&mut self.connected().await?.0).await
                }
                done => done,
            }
        });
        let done = done.await;
        if done.is_err() {
            *self.line.lock().await = None;
        }
        done
    }

    /// A connection, and whether it was there already.
    async fn connected(&self) -> RedisResult<(MultiplexedConnection, bool)> {
        let mut line = self.line.lock().await;
        match &*line {
            Some(there) => Ok((there.clone(), true)),
            None => Ok((line.insert(self.client.get_multiplexed_async_connection().await?).clone(), false)),
        }
    }
}

/// Hears for ever what is published about the hotels that are wanted.
async fn listen(hub: Hub, client: Client, channels: Channels) {
    loop {
        let Err(why) = hear(&hub, &client, &channels).await;
        hub.bus().hears_nothing(&why);
        sleep(PAUSE).await;
    }
}

/// The same on one connection; why that ended.
async fn hear(hub: &Hub, client: &Client, channels: &Channels) -> Result<Infallible, String> {
    let (mut line, mut messages) = within(client.get_async_pubsub()).await?.split();
    let mut wanted = hub.bus().wanted.subscribe();
    wanted.mark_changed();
    let (mut listening, mut alive) = (HashSet::new(), interval(ALIVE));
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message.ok_or("the connection was closed")?;
                if let (Some(hotel), Ok(text)) = (channels.hotel(message.get_channel_name()), message.get_payload::<String>()) {
                    hub.bus().hear(hub, hotel, &text);
                }
            }
            _ = wanted.changed() => {
                let hotels = wanted.borrow_and_update().clone();
                within(subscribe(&mut line, channels, &listening, &hotels)).await?;
                listening = hotels;
                hub.bus().begins_to_listen();
            }
            _ = alive.tick() => drop(within(line.ping::<Value>()).await?),
        }
    }
}

async fn subscribe(
    line: &mut PubSubSink,
    channels: &Channels,
    before: &HashSet<HotelId>,
    now: &HashSet<HotelId>,
) -> RedisResult<()> {
    let names =
        |hotels: &mut dyn Iterator<Item = &HotelId>| hotels.map(|hotel| channels.of(*hotel)).collect::<Vec<_>>();
    let begun = names(&mut now.difference(before));
    if !begun.is_empty() {
        line.subscribe(begun).await?;
    }
    let ended = names(&mut before.difference(now));
    if !ended.is_empty() {
        line.unsubscribe(ended).await?;
    }
    Ok(())
}

async fn within<T>(asked: impl Future<Output = RedisResult<T>>) -> Result<T, String> {
    match timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_or_refused_and_never_shown() {
        let url: RedisUrl = "redis://:hunter2@127.0.0.1:6379/1".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
        for (bad, why) in [
            ("rediss://:hunter2@cache:6379", BadRedisUrl::NoTls),
            ("http://:hunter2@cache", BadRedisUrl::Form),
            ("redis://", BadRedisUrl::Form),
            ("redis://cache:port", BadRedisUrl::Form),
            ("cache:6379", BadRedisUrl::Form),
        ] {
            assert_eq!(bad.parse::<RedisUrl>().err(), Some(why), "{bad}");
        }
    }

    #[test]
    fn channels_are_told_apart() {
        let (here, there) = (Channels("mm:a:".to_owned()), Channels("mm:b:".to_owned()));
        assert_eq!(here.hotel(&here.of(HotelId(7))), Some(HotelId(7)));
        assert_eq!(here.hotel(&there.of(HotelId(7))), None);
        assert_eq!(here.hotel("mm:a:seven"), None);
    }
}
