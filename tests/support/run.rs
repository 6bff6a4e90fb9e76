//! One body, two databases.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;

use crate::{Backend, Hotel, Line, Options, Whatsapp, World};

/// The longest that a test may take.
const PATIENCE: Duration = Duration::from_secs(150);

/// Makes a test on SQLite and one on PostgreSQL.
///
/// `on_both!(name, |hotel| {…})`: in a hotel of its own in the shared world.
/// `on_both!(name, options => |world| {…})`: in a world of its own.
/// `on_both!(name, unserved options => |world| {…})`: the same, where no server has been started.
/// `on_both!(name, line => |line| {…})`: in a hotel of its own, which guests reach by WhatsApp, in a world that tests
/// share with one simulator: what is set there for all, they leave alone.
/// `on_both!(name, whatsapp options => |it| {…})`: in a world and with a simulator of its own.
#[macro_export]
macro_rules! on_both {
    ($(#[$meta:meta])* $name:ident, |$hotel:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($hotel: $crate::Hotel) $body
            #[test]
            fn sqlite() {
                $crate::in_hotel($crate::Backend::Sqlite, body);
            }
            #[test]
            fn postgres() {
                $crate::in_hotel($crate::Backend::Postgres, body);
            }
        }
    };
    ($(#[$meta:meta])* $name:ident, line => |$line:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($line: $crate::Line) $body
            #[test]
            fn sqlite() {
                $crate::on_line($crate::Backend::Sqlite, body);
            }
            #[test]
            fn postgres() {
                $crate::on_line($crate::Backend::Postgres, body);
            }
        }
    };
    ($(#[$meta:meta])* $name:ident, whatsapp $options:expr => |$it:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($it: std::sync::Arc<$crate::Whatsapp>) $body
            #[test]
            fn sqlite() {
                $crate::by_whatsapp($crate::Backend::Sqlite, $options, body);
            }
            #[test]
            fn postgres() {
                $crate::by_whatsapp($crate::Backend::Postgres, $options, body);
            }
        }
    };
    ($(#[$meta:meta])* $name:ident, unserved $options:expr => |$world:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($world: std::sync::Arc<$crate::World>) $body
            #[test]
            fn sqlite() {
                $crate::unserved($crate::Backend::Sqlite, $options, body);
            }
            #[test]
            fn postgres() {
                $crate::unserved($crate::Backend::Postgres, $options, body);
            }
        }
    };
    ($(#[$meta:meta])* $name:ident, $options:expr => |$world:ident| $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($world: std::sync::Arc<$crate::World>) $body
            #[test]
            fn sqlite() {
                $crate::alone($crate::Backend::Sqlite, $options, body);
            }
            #[test]
            fn postgres() {
                $crate::alone($crate::Backend::Postgres, $options, body);
            }
        }
    };
}

/// Runs a test in a hotel of the shared world that no other test has.
pub fn in_hotel<F: Future<Output = ()>>(backend: Backend, body: impl FnOnce(Hotel) -> F) {
    if backend.is_there() {
        let world = World::shared(backend);
        let hotel = world.hotel();
        to_the_end(&world, body(hotel));
    }
}

/// Runs a test in a world of its own.
pub fn alone<F: Future<Output = ()>>(backend: Backend, options: Options, body: impl FnOnce(Arc<World>) -> F) {
    if backend.is_there() {
        let world = World::start(backend, options);
        to_the_end(&world, body(world.clone()));
    }
}

/// Runs a test in a world of its own, in which no server has been started.
pub fn unserved<F: Future<Output = ()>>(backend: Backend, options: Options, body: impl FnOnce(Arc<World>) -> F) {
    if backend.is_there() {
        let world = World::prepare(backend, options);
        to_the_end(&world, body(world.clone()));
    }
}

/// Runs a test in a hotel that guests reach by WhatsApp and no other test has.
pub fn on_line<F: Future<Output = ()>>(backend: Backend, body: impl FnOnce(Line) -> F) {
    if backend.is_there() {
        let whatsapp = Whatsapp::shared(backend);
        let line = whatsapp.line();
        to_the_end(&whatsapp.world, body(line));
    }
}

/// Runs a test in a world of its own, with a simulator of its own.
pub fn by_whatsapp<F: Future<Output = ()>>(backend: Backend, options: Options, body: impl FnOnce(Arc<Whatsapp>) -> F) {
    if backend.is_there() {
        let whatsapp = Whatsapp::start(backend, options);
        to_the_end(&whatsapp.world, body(whatsapp.clone()));
    }
}

/// What a test runs on.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn to_the_end(world: &World, body: impl Future<Output = ()>) {
    let limited = async { tokio::time::timeout(PATIENCE, body).await.expect("the test took too long") };
    if let Err(panic) = runtime().block_on(AssertUnwindSafe(limited).catch_unwind()) {
        eprintln!("the server's log: {}", world.log.display());
        std::panic::resume_unwind(panic);
    }
}
