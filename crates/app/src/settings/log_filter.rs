//! Log filter (`RUST_LOG`): validation and the start of logging.

use log::LevelFilter;

/// Starts logging to standard error. `filter` has the form of `RUST_LOG`.
pub fn start_logging(filter: &str) {
    // Errors of the HTTP library are not logged: clients cause them and could fill the log.
    let started =
        env_logger::Builder::new().filter_module("actix_http", LevelFilter::Off).parse_filters(filter).try_init();
    // The start fails only if logging has already been started.
    let _ = started;
}

/// Validates a filter in the form of `RUST_LOG`: levels, or targets with levels, separated by commas.
pub fn check_log_filter(filter: &str) -> Result<String, String> {
    let directives = filter.split('/').next().unwrap_or_default();
    let levels = directives.split(',').filter_map(|it| it.split_once('=').map(|(_, level)| level.trim()));
    match levels.into_iter().find(|level| level.parse::<LevelFilter>().is_err()) {
        Some(level) => Err(format!("has {level:?}, which is no level: off, error, warn, info, debug or trace")),
        None => Ok(filter.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_with_an_unknown_level_is_refused() {
        for good in ["info", "warn,desk=debug", "desk", "info,access=off/regex=x"] {
            assert!(check_log_filter(good).is_ok(), "{good}");
        }
        assert!(check_log_filter("info,desk=loud").is_err());
    }
}
