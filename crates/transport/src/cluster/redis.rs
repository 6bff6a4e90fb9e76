//! The cluster bus through Redis: `PUBLISH` and `SUBSCRIBE` with one channel per hotel.

use std::{collections::HashSet, convert::Infallible, fmt, str::FromStr, time::Duration};

use desk::Supervisor;
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

use crate::{cluster::signal_receiver::SignalReceiver, limits::BUS_TIMEOUT, supervise::spawn_supervised};

/// Delay before a lost subscription connection to Redis is opened again.
const RECONNECT_DELAY: Duration = Duration::from_millis(500);
/// Interval of pings on the subscription connection to Redis, because a dead connection is silent.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A valid `REDIS_URL`. `Debug` shows nothing of the URL, because it may contain a password.
#[derive(Clone)]
pub struct RedisUrl(Client);

/// Why a `REDIS_URL` is invalid. Displays as the rest of a sentence that begins with the name of the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    #[error("must be like redis://127.0.0.1:6379, or redis://:PASSWORD@HOST:PORT")]
    Form,
    #[error("must not use TLS (rediss), which is not supported; use redis://HOST:PORT in a trusted network")]
    NoTls,
}

impl RedisUrl {
    /// Opens a connection and pings Redis. The error is a sentence for people and does not contain the password.
    pub async fn ping(&self) -> Result<(), String> {
        with_timeout(async {
            let mut connection = self.0.get_multiplexed_async_connection().await?;
            redis::pipe().cmd("PING").ignore().query_async(&mut connection).await
        })
        .await
    }
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(url: &str) -> Result<Self, RedisUrlError> {
        if url.starts_with("rediss://") {
            return Err(RedisUrlError::NoTls);
        }
        if !url.starts_with("redis://") {
            return Err(RedisUrlError::Form);
        }
        Client::open(url).map(Self).map_err(|_| RedisUrlError::Form)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis://…")
    }
}

/// Publishes signals on one connection to Redis, which is opened when needed and again after a failure.
pub(super) struct RedisPublisher {
    client: Client,
    channels: ChannelNames,
    connection: Mutex<Option<MultiplexedConnection>>,
}

/// Names of the hotels' Redis channels: a prefix with the epoch, and the hotel's id.
#[derive(Clone)]
struct ChannelNames {
    prefix: String,
}

impl ChannelNames {
    fn name(&self, hotel: HotelId) -> String {
        format!("{}{}", self.prefix, hotel.0)
    }

    fn hotel(&self, name: &str) -> Option<HotelId> {
        name.strip_prefix(&self.prefix)?.parse().ok().map(HotelId)
    }
}

/// Spawns the task that receives cluster signals from Redis. Returns the publisher.
pub(super) fn connect(
    receiver: SignalReceiver,
    RedisUrl(client): RedisUrl,
    epoch: &str,
    supervisor: &Supervisor,
) -> RedisPublisher {
    let channels = ChannelNames { prefix: format!("mm:{epoch}:") };
    let publisher = RedisPublisher { client: client.clone(), channels: channels.clone(), connection: Mutex::default() };
    spawn_supervised(supervisor, "bus listener", move || {
        receive_signals(receiver.clone(), client.clone(), channels.clone())
    });
    publisher
}

impl RedisPublisher {
    /// Publishes a batch of signals in one Redis pipeline. An empty batch pings Redis.
    pub(super) async fn publish(&self, batch: &[(HotelId, String)]) -> Result<(), String> {
        if batch.is_empty() {
            return self.ping().await;
        }
        let mut pipeline = redis::pipe();
        for (hotel, text) in batch {
            pipeline.cmd("PUBLISH").arg(self.channels.name(*hotel)).arg(text).ignore();
        }
        self.run(&pipeline).await
    }

    pub(super) async fn ping(&self) -> Result<(), String> {
        self.run(redis::pipe().cmd("PING").ignore()).await
    }

    async fn run(&self, pipeline: &Pipeline) -> Result<(), String> {
        let result = with_timeout(async {
            let (mut connection, is_reused) = self.open_connection().await?;
            match pipeline.query_async(&mut connection).await {
                // Tries again on a new connection: a reused one may have been dead for long, for example after a
                // restart of Redis.
                Err(_) if is_reused => {
                    *self.connection.lock().await = None;
                    pipeline.query_async(&mut self.open_connection().await?.0).await
                }
                result => result,
            }
        })
        .await;
        if result.is_err() {
            *self.connection.lock().await = None;
        }
        result
    }

    /// Returns the connection to Redis, and whether it was open already.
    async fn open_connection(&self) -> RedisResult<(MultiplexedConnection, bool)> {
        let mut connection = self.connection.lock().await;
        match &*connection {
            Some(open) => Ok((open.clone(), true)),
            None => Ok((connection.insert(self.client.get_multiplexed_async_connection().await?).clone(), false)),
        }
    }
}

/// Receives the signals of the subscribed hotels from Redis, and reconnects after failures. Never returns.
async fn receive_signals(receiver: SignalReceiver, client: Client, channels: ChannelNames) {
    loop {
        let Err(cause) = receive_until_failure(&receiver, &client, &channels).await;
        receiver.record_disconnected(&cause);
        sleep(RECONNECT_DELAY).await;
    }
}

/// Receives signals on one connection to Redis until it fails. Returns the cause of the failure.
async fn receive_until_failure(
    receiver: &SignalReceiver,
    client: &Client,
    channels: &ChannelNames,
) -> Result<Infallible, String> {
    let (mut sink, mut messages) = with_timeout(client.get_async_pubsub()).await?.split();
    let mut hotels = receiver.hotels();
    let mut subscribed = HashSet::new();
    let mut ping_timer = interval(PING_INTERVAL);
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message.ok_or("the connection was closed")?;
                if let Some(hotel) = channels.hotel(message.get_channel_name())
                    && let Ok(text) = message.get_payload::<String>()
                {
                    receiver.receive(hotel, &text);
                }
            }
            _ = hotels.changed() => {
                let current = hotels.borrow_and_update().clone();
                with_timeout(update_subscriptions(&mut sink, channels, &subscribed, &current)).await?;
                subscribed = current;
                receiver.record_subscribed();
            }
            _ = ping_timer.tick() => drop(with_timeout(sink.ping::<Value>()).await?),
        }
    }
}

async fn update_subscriptions(
    sink: &mut PubSubSink,
    channels: &ChannelNames,
    before: &HashSet<HotelId>,
    after: &HashSet<HotelId>,
) -> RedisResult<()> {
    let added: Vec<String> = after.difference(before).map(|hotel| channels.name(*hotel)).collect();
    if !added.is_empty() {
        sink.subscribe(added).await?;
    }
    let removed: Vec<String> = before.difference(after).map(|hotel| channels.name(*hotel)).collect();
    if !removed.is_empty() {
        sink.unsubscribe(removed).await?;
    }
    Ok(())
}

async fn with_timeout<T>(request: impl Future<Output = RedisResult<T>>) -> Result<T, String> {
    match timeout(BUS_TIMEOUT, request).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_url_is_refused_and_a_password_is_never_shown() {
        let url: RedisUrl = "redis://:hunter2@127.0.0.1:6379/1".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
        for (invalid, error) in [
            ("rediss://:hunter2@cache:6379", RedisUrlError::NoTls),
            ("http://:hunter2@cache", RedisUrlError::Form),
            ("redis://", RedisUrlError::Form),
            ("redis://cache:port", RedisUrlError::Form),
            ("cache:6379", RedisUrlError::Form),
        ] {
            assert_eq!(invalid.parse::<RedisUrl>().err(), Some(error), "{invalid}");
        }
    }

    #[test]
    fn channels_of_another_epoch_belong_to_no_hotel() {
        let channels = ChannelNames { prefix: "mm:a:".to_owned() };
        let other_epoch = ChannelNames { prefix: "mm:b:".to_owned() };
        assert_eq!(channels.hotel(&channels.name(HotelId(7))), Some(HotelId(7)));
        assert_eq!(channels.hotel(&other_epoch.name(HotelId(7))), None);
        assert_eq!(channels.hotel("mm:a:seven"), None);
    }
}
