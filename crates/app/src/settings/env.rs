//! Environment variables and the `.env` file.

use std::{collections::HashMap, fs, io::ErrorKind, path::Path};

/// The environment variables of the process and, for variables that are not set there, of a `.env` file.
#[derive(Default)]
pub struct Environment {
    file: HashMap<String, String>,
}

/// Error of reading a `.env` file. The message is one line and shows names of variables but no values.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    #[error(".env: {0} is no NAME=VALUE (quote a value that has spaces)")]
    Line(String),
    #[error(".env cannot be read: {0}")]
    Io(std::io::Error),
}

impl Environment {
    /// Reads a `.env` file, if it exists. The environment of the process is not changed.
    pub fn with_file(path: &Path) -> Result<Self, EnvFileError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(EnvFileError::Io(error)),
        };
        let (mut file, mut last) = (HashMap::new(), String::new());
        for line in dotenvy::from_read_iter(escape_dollars(&text).as_bytes()) {
            let (name, value) = line.map_err(|error| line_error(error, &last))?;
            last.clone_from(&name);
            file.insert(name, value);
        }
        Ok(Self { file })
    }

    /// Returns the text of a variable. The environment of the process takes precedence over the `.env` file.
    pub fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| self.file.get(name).cloned())
    }
}

/// Escapes the dollar signs in a `.env` file, because the `dotenvy` library would replace `$NAME` within passwords.
fn escape_dollars(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let (mut quote, mut previous) = (None, '\n');
    let (mut is_escaped, mut is_comment) = (false, false);
    for character in text.chars() {
        if quote.is_none() && character == '\n' {
            is_comment = false;
        } else if quote.is_none() && !is_escaped && character == '#' && previous.is_whitespace() {
            is_comment = true;
        }
        if !is_comment && !is_escaped && character == '$' && quote != Some('\'') {
            escaped.push('\\');
        }
        if !is_comment && !is_escaped && matches!(character, '\'' | '"') && quote.is_none_or(|open| open == character) {
            quote = if quote.is_none() { Some(character) } else { None };
        }
        is_escaped = !is_comment && !is_escaped && character == '\\' && quote != Some('\'');
        escaped.push(character);
        previous = character;
    }
    escaped
}

/// Describes an invalid line of a `.env` file. The line may contain a secret, so the error names the variable of the
/// line before it.
fn line_error(error: dotenvy::Error, last: &str) -> EnvFileError {
    match error {
        dotenvy::Error::Io(error) => EnvFileError::Io(error),
        _ if last.is_empty() => EnvFileError::Line("the first line".to_owned()),
        _ => EnvFileError::Line(format!("the line after {last}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_takes_precedence_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert!(Environment::with_file(&path).unwrap().get("MM_NO_SUCH").is_none());
        fs::write(&path, "# a comment\nMM_NO_SUCH=\"a b\"\nPATH=nowhere\n").unwrap();
        let environment = Environment::with_file(&path).unwrap();
        assert_eq!(environment.get("MM_NO_SUCH").as_deref(), Some("a b"));
        assert_ne!(environment.get("PATH").as_deref(), Some("nowhere"));
    }

    #[test]
    fn dollar_signs_are_literal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        for (line, value) in [
            ("A=pa$HOME", "pa$HOME"),
            ("A=\"${HOME} $1\"", "${HOME} $1"),
            ("A='$HOME'", "$HOME"),
            ("A='it\\$'", "it\\$"),
            ("A=a\\$b", "a$b"),
            ("A=\"'$HOME'\"", "'$HOME'"),
            ("# don't $HOME\nexport A=$$ # it's $HOME", "$$"),
            ("B=\"two\n$HOME # lines\"\nA=x#$y", "x#$y"),
        ] {
            fs::write(&path, line).unwrap();
            let environment = Environment::with_file(&path).unwrap();
            assert_eq!(environment.file.get("A").map(String::as_str), Some(value), "{line}");
        }
    }

    #[test]
    fn the_error_for_a_line_does_not_show_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, "ONE=1\nhunter2 hunter3\n").unwrap();
        let message = Environment::with_file(&path).err().unwrap().to_string();
        assert!(message.contains("after ONE") && !message.contains("hunter2"), "{message}");
    }
}
