//! Runs the body of a test on one database or on both.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;

use crate::{DatabaseKind, TestHotel, TestWorld, WhatsappHotel, WhatsappWorld, WorldOptions};

const TEST_TIMEOUT: Duration = Duration::from_secs(300);

/// Generates a test on SQLite and a test on PostgreSQL from one body: `name::sqlite` and `name::postgres`.
///
/// `on_both!(name, |hotel| {…})`: in a hotel of its own in the shared world.
/// `on_both!(name, options => |world| {…})`: in a world of its own.
/// `on_both!(name, without_server options => |world| {…})`: the same, but no server is started.
/// `on_both!(name, line => |line| {…})`: in a hotel of its own with a WhatsApp number. World and simulator are shared:
/// such a test must not change settings that hold for the whole simulator.
/// `on_both!(name, whatsapp options => |whatsapp| {…})`: with a world and a simulator of its own.
#[macro_export]
macro_rules! on_both {
    ($($test:tt)*) => { $crate::test_on!([sqlite Sqlite, postgres Postgres] $($test)*); };
}

/// Generates a test on SQLite alone, `name::sqlite`, in the same forms as [`on_both!`]: for what does not depend on the
/// database, such as parsing, routing, headers and frames.
#[macro_export]
macro_rules! on_sqlite {
    ($($test:tt)*) => { $crate::test_on!([sqlite Sqlite] $($test)*); };
}

/// The forms of [`on_both!`], and the module of tests that each becomes.
#[doc(hidden)]
#[macro_export]
macro_rules! test_on {
    ($backends:tt $(#[$meta:meta])* $name:ident, |$hotel:ident| $body:block) => {
        $crate::test_on!(@module $backends [$(#[$meta])*] $name in_hotel [] $hotel [$crate::TestHotel] $body);
    };
    ($backends:tt $(#[$meta:meta])* $name:ident, line => |$line:ident| $body:block) => {
        $crate::test_on!(@module $backends [$(#[$meta])*] $name in_whatsapp_hotel [] $line [$crate::WhatsappHotel] $body);
    };
    ($backends:tt $(#[$meta:meta])* $name:ident, whatsapp $options:expr => |$whatsapp:ident| $body:block) => {
        $crate::test_on!(@module $backends [$(#[$meta])*] $name with_simulator [$options,] $whatsapp
            [std::sync::Arc<$crate::WhatsappWorld>] $body);
    };
    ($backends:tt $(#[$meta:meta])* $name:ident, without_server $options:expr => |$world:ident| $body:block) => {
        $crate::test_on!(@module $backends [$(#[$meta])*] $name without_server [$options,] $world
            [std::sync::Arc<$crate::TestWorld>] $body);
    };
    ($backends:tt $(#[$meta:meta])* $name:ident, $options:expr => |$world:ident| $body:block) => {
        $crate::test_on!(@module $backends [$(#[$meta])*] $name alone [$options,] $world
            [std::sync::Arc<$crate::TestWorld>] $body);
    };
    (@module [$($test:ident $backend:ident),+] [$($meta:tt)*] $name:ident $run:ident $options:tt
        $parameter:ident [$($type:tt)+] $body:block) => {
        $($meta)*
        mod $name {
            #[allow(unused_imports, reason = "not every body needs what its file needs")]
            use super::*;
            async fn body($parameter: $($type)+) $body
            $($crate::test_on!(@test $test $backend $run $options);)+
        }
    };
    (@test $test:ident $backend:ident $run:ident [$($options:tt)*]) => {
        #[test]
        fn $test() {
            $crate::$run($crate::DatabaseKind::$backend, $($options)* body);
        }
    };
}

/// Runs a test in a hotel of its own in the shared world.
pub fn in_hotel<F: Future<Output = ()>>(backend: DatabaseKind, body: impl FnOnce(TestHotel) -> F) {
    if backend.is_available() {
        let world = TestWorld::shared(backend);
        let hotel = world.hotel();
        run_to_end(&world, body(hotel));
    }
}

/// Runs a test in a world of its own.
pub fn alone<F: Future<Output = ()>>(
    backend: DatabaseKind,
    options: WorldOptions,
    body: impl FnOnce(Arc<TestWorld>) -> F,
) {
    if backend.is_available() {
        let world = TestWorld::start(backend, options);
        run_to_end(&world, body(world.clone()));
    }
}

/// Runs a test in a world of its own whose server is not started.
pub fn without_server<F: Future<Output = ()>>(
    backend: DatabaseKind,
    options: WorldOptions,
    body: impl FnOnce(Arc<TestWorld>) -> F,
) {
    if backend.is_available() {
        let world = TestWorld::prepare(backend, options);
        run_to_end(&world, body(world.clone()));
    }
}

/// Runs a test in a hotel of its own that has a WhatsApp number, in the shared world with a simulator.
pub fn in_whatsapp_hotel<F: Future<Output = ()>>(backend: DatabaseKind, body: impl FnOnce(WhatsappHotel) -> F) {
    if backend.is_available() {
        let whatsapp = WhatsappWorld::shared(backend);
        let hotel = whatsapp.line();
        run_to_end(&whatsapp.world, body(hotel));
    }
}

/// Runs a test in a world of its own with a simulator of its own.
pub fn with_simulator<F: Future<Output = ()>>(
    backend: DatabaseKind,
    options: WorldOptions,
    body: impl FnOnce(Arc<WhatsappWorld>) -> F,
) {
    if backend.is_available() {
        let whatsapp = WhatsappWorld::start(backend, options);
        run_to_end(&whatsapp.world, body(whatsapp.clone()));
    }
}

/// The runtime of one test.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs a body with a timeout. If it panics, the path of the server's log is printed.
fn run_to_end(world: &TestWorld, body: impl Future<Output = ()>) {
    let body = async { tokio::time::timeout(TEST_TIMEOUT, body).await.expect("the test took too long") };
    if let Err(panic) = runtime().block_on(AssertUnwindSafe(body).catch_unwind()) {
        eprintln!("the server's log: {}", world.log.display());
        std::panic::resume_unwind(panic);
    }
}
