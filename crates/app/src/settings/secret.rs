//! JWT secret: from the setting `JWT_SECRET`, or from a file beside the SQLite database.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use desk::DbUrl;

/// The secret that signs access tokens; at least 32 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct JwtSecret(Vec<u8>);

/// Error of loading the JWT secret. The message is one line.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// `JWT_SECRET` is not set, but required with PostgreSQL, because all nodes need the same secret.
    #[error("JWT_SECRET is required with PostgreSQL: every server on that database needs the same")]
    Required,
    #[error("{0} holds no secret of at least {MIN_SECRET_BYTES} bytes: set JWT_SECRET, or remove the file")]
    Short(PathBuf),
    #[error("{path}: {error}", path = .path.display())]
    File { path: PathBuf, error: io::Error },
}

const MIN_SECRET_BYTES: usize = 32;
const SECRET_FILE: &str = "jwt_secret";

impl JwtSecret {
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes().to_vec();
        if bytes.len() < MIN_SECRET_BYTES {
            Err(format!("must have at least {MIN_SECRET_BYTES} bytes"))
        } else {
            Ok(Self(bytes))
        }
    }

    /// Generates a random JWT secret.
    pub fn generate() -> Self {
        let random: [u8; MIN_SECRET_BYTES] = rand::random();
        Self(BASE64_URL_SAFE_NO_PAD.encode(random).into_bytes())
    }

    /// Reads the JWT secret from the file beside the SQLite database, and creates the file if it does not exist.
    pub fn load_or_create(database: &DbUrl) -> Result<Self, SecretError> {
        let DbUrl::Sqlite(database) = database else { return Err(SecretError::Required) };
        let folder = database.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let path = folder.join(SECRET_FILE);
        let stored = fs::create_dir_all(folder).and_then(|()| match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_file(&path, &Self::generate()),
            read => read,
        });
        let bytes = stored.map_err(|error| SecretError::File { path: path.clone(), error })?.trim_ascii().to_vec();
        if bytes.len() < MIN_SECRET_BYTES { Err(SecretError::Short(path)) } else { Ok(Self(bytes)) }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for JwtSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JwtSecret(redacted)")
    }
}

/// Creates the file with the JWT secret and returns its content. If another process creates the file at the same time,
/// returns the content of that file: a hard link fails if the name is taken, so both processes use one secret.
fn create_file(path: &Path, secret: &JwtSecret) -> io::Result<Vec<u8>> {
    let temporary = path.with_extension(format!("{:016x}.new", rand::random::<u64>()));
    let linked = write_private(&temporary, secret).and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => removed?,
    }
    fs::read(path)
}

fn write_private(path: &Path, secret: &JwtSecret) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&secret.0)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_created_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = DbUrl::Sqlite(folder.path().join("data/mm.db"));
        let created = JwtSecret::load_or_create(&database).unwrap();
        assert!(created == JwtSecret::load_or_create(&database).unwrap() && created != JwtSecret::generate());
        let path = folder.path().join("data/jwt_secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("data")).unwrap().count(), 1);
        fs::write(path, "short").unwrap();
        assert!(matches!(JwtSecret::load_or_create(&database), Err(SecretError::Short(_))));
    }

    #[test]
    fn concurrent_starts_use_one_secret() {
        let folder = tempfile::tempdir().unwrap();
        let database = DbUrl::Sqlite(folder.path().join("mm.db"));
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let database = database.clone();
                std::thread::spawn(move || JwtSecret::load_or_create(&database).unwrap())
            })
            .collect();
        let secrets: Vec<JwtSecret> = starts.into_iter().map(|it| it.join().unwrap()).collect();
        assert!(secrets.iter().all(|it| *it == secrets[0]));
    }

    #[test]
    fn with_postgresql_the_secret_is_required() {
        let database = DbUrl::Postgres("postgres://db/mm".to_owned());
        assert!(matches!(JwtSecret::load_or_create(&database), Err(SecretError::Required)));
    }
}
