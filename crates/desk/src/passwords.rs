//! Password hashing, outside the threads that serve requests and with a limit on concurrent hashes.

use auth::{Password, PasswordHash};
use persistence::StoreError;
use tokio::task::spawn_blocking;

use crate::{
    Desk, Error,
    hash_queue::{HashPermit, HashPriority},
};

/// A new password, and the names from which it must not be guessable. The name of its field is part of the refusal.
pub(crate) struct ChosenPassword {
    pub(crate) field: &'static str,
    pub(crate) password: Password,
    /// User name, name and hotel name.
    pub(crate) names: Vec<String>,
}

impl Desk {
    /// Hashes a password that the server has made, or that is not a person's.
    pub(crate) async fn hash_password(&self, password: Password) -> Result<String, Error> {
        self.hash_checked(move || Ok(password)).await
    }

    /// Hashes a password that a person has chosen. Fails with [`Error::Invalid`] if it is easy to guess.
    pub(crate) async fn hash_chosen_password(&self, chosen: ChosenPassword) -> Result<String, Error> {
        self.hash_checked(move || {
            let refused = chosen.password.ensure_unguessable(&chosen.names);
            refused.map_err(|error| Error::invalid(chosen.field, error.to_string()))?;
            Ok(chosen.password)
        })
        .await
    }

    async fn hash_checked(
        &self,
        check: impl FnOnce() -> Result<Password, Error> + Send + 'static,
    ) -> Result<String, Error> {
        let failed = |cause: String| StoreError::Unavailable(format!("cannot hash a password: {cause}"));
        let place = self.hash_queue.enter(HashPriority::Known).map_err(|_| Error::TooManySignIns)?;
        let permit = place.turn().await.map_err(|_| Error::TooManySignIns)?;
        let hashed = spawn_blocking(move || {
            let _permit = permit;
            check().map(|password| PasswordHash::new(&password))
        });
        let hash =
            hashed.await.map_err(|error| failed(error.to_string()))??.map_err(|error| failed(error.to_string()))?;
        Ok(hash.as_str().to_owned())
    }
}

/// Returns whether a password matches a stored hash. Without a hash it returns `false` after the same time, so that an
/// unknown user name cannot be distinguished from a wrong password. The permit is kept until the hash is computed, also
/// if the client does not wait for it.
pub(crate) async fn verify_password(permit: HashPermit, hash: Option<String>, password: String) -> bool {
    let hash = hash.map(PasswordHash::from_stored);
    let verified = spawn_blocking(move || {
        let _permit = permit;
        match &hash {
            Some(hash) => hash.verifies(&password),
            None => {
                PasswordHash::decoy().verifies(&password);
                false
            }
        }
    });
    verified.await.unwrap_or(false)
}
