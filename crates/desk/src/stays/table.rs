//! The form of a CSV file: delimiter, header and numbered rows. Contents of cells are read elsewhere.

use super::import_error::ImportError;

/// The first words of a line in which some spreadsheets name the delimiter.
const DELIMITER_LINE: &str = "sep=";

/// A table of a CSV file: the normalized names of its columns, and its rows that are not empty.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<TableRow>,
}

/// A row of a table.
#[derive(Debug)]
pub(super) struct TableRow {
    /// Number of the row in the file, counted from 1 after the header; empty rows count.
    pub(super) number: usize,
    /// The cells, without white space around them. A row may have fewer or more cells than the header.
    pub(super) cells: csv::StringRecord,
}

/// Reads a CSV file in UTF-8, with or without byte order mark, with comma, semicolon or tab. Lines before the header that
/// are empty or name the delimiter are skipped.
pub(super) fn read(bytes: &[u8]) -> Result<Table, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Line ends of one kind, so that lines can be counted.
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let (named, skipped_lines, text) = skip_to_header(&text);
    let delimiter = named.unwrap_or_else(|| delimiter(text));
    if let Some(line) = unclosed_quote(text, delimiter) {
        return Err(ImportError::UnclosedQuote(skipped_lines + line));
    }
    let builder = &mut csv::ReaderBuilder::new();
    let mut reader = builder.delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    if !reader.read_record(&mut record)? {
        return Ok(Table { columns: Vec::new(), rows: Vec::new() });
    }
    let columns = record.iter().map(column_name).collect();
    let (mut rows, mut number) = (Vec::new(), 0);
    let mut line = reader.position().line();
    while reader.read_record(&mut record)? {
        let next_line = reader.position().line();
        // A record has one line more than its cells have line breaks. The reader passes over empty lines, which are rows.
        let breaks_in_cells: u64 = record.iter().map(|cell| cell.matches('\n').count() as u64).sum();
        number += (next_line - line).saturating_sub(breaks_in_cells).max(1) as usize;
        line = next_line;
        record.trim();
        if record.iter().any(|cell| !cell.is_empty()) {
            rows.push(TableRow { number, cells: record.clone() });
        }
    }
    Ok(Table { columns, rows })
}

/// Returns the delimiter that a line before the header names, the number of skipped lines, and the text from the header
/// on.
fn skip_to_header(text: &str) -> (Option<u8>, usize, &str) {
    let (mut named, mut skipped, mut rest) = (None, 0, text);
    while let Some((line, after)) = rest.split_once('\n') {
        let plain = line.trim_matches([' ', '"']);
        let names_delimiter = plain.get(..DELIMITER_LINE.len()).filter(|it| it.eq_ignore_ascii_case(DELIMITER_LINE));
        if names_delimiter.is_some() {
            named = plain.as_bytes().get(DELIMITER_LINE.len()).copied().filter(|it| it.is_ascii() && *it != b'"');
        } else if line.chars().any(|it| !(it.is_whitespace() || matches!(it, ',' | ';' | '"'))) {
            break;
        }
        (skipped, rest) = (skipped + 1, after);
    }
    (named, skipped, rest)
}

/// Detects the delimiter of a CSV file by its header: the most frequent one.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|it| (count(*it), *it == b',')).unwrap_or(b',')
}

/// Returns the name of a column as the API writes it: lower case, with underscores.
fn column_name(header: &str) -> String {
    header.trim().to_lowercase().replace([' ', '-'], "_")
}

/// Returns the line of a quotation mark that opens a cell and is never closed. A mark that seems to close the cell in a
/// later line, but in the middle of a cell, is the opening mark of that cell.
fn unclosed_quote(text: &str, delimiter: u8) -> Option<usize> {
    let ends = |byte: Option<&u8>| byte.is_none_or(|it| *it == delimiter || matches!(it, b'\n' | b'\r'));
    let mut bytes = text.bytes().enumerate();
    let (all, mut line, mut at_start) = (text.as_bytes(), 1, true);
    while let Some((_, byte)) = bytes.next() {
        if byte == b'\n' {
            line += 1;
        }
        if byte != b'"' || !at_start {
            at_start = ends(Some(&byte));
            continue;
        }
        let opened = line;
        loop {
            match bytes.next() {
                None => return Some(opened),
                Some((_, b'\n')) => line += 1,
                Some((at, b'"')) => match all.get(at + 1) {
                    Some(b'"') => drop(bytes.next()),
                    after if line > opened && !ends(after) => return Some(opened),
                    _ => break,
                },
                Some(_) => {}
            }
        }
        at_start = false;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
        let rows = read(text.as_bytes()).unwrap().rows.into_iter();
        rows.map(|row| (row.number, row.cells.iter().map(str::to_owned).collect())).collect()
    }

    fn row(number: usize, cells: &[&str]) -> (usize, Vec<String>) {
        (number, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn empty_rows_are_skipped_and_counted() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "a,b\n1,2\n\n\n ,\n\"3\nx\",4\n,,,\n5, 6 \n\n7,8".replace('\n', end);
            let expected = [row(1, &["1", "2"]), row(5, &["3\nx", "4"]), row(7, &["5", "6"]), row(9, &["7", "8"])];
            assert_eq!(rows(&text), expected, "{end:?}");
            assert_eq!(rows(&format!("{text}{end}")), expected, "{end:?}");
            assert_eq!(rows(&format!("{text}{end}{end}{end}")), expected, "{end:?}");
        }
    }

    #[test]
    fn the_delimiter_is_named_or_the_most_frequent_one_of_the_header() {
        let columns = |text: &str| read(text.as_bytes()).unwrap().columns;
        assert_eq!(columns("a,b;c,d\n"), ["a", "b;c", "d"]);
        assert_eq!(columns("a;b;c,d\n"), ["a", "b", "c,d"]);
        assert_eq!(columns("\u{feff}A Name\tGuest-Phone\t c \n"), ["a_name", "guest_phone", "c"]);
        for line in ["sep=;", "SEP=;", "\"sep=;\"", "\n\nsep=;", "sep=;\r\n,,"] {
            assert_eq!(columns(&format!("{line}\r\na,1;b,2\r\n")), ["a,1", "b,2"], "{line:?}");
        }
        assert_eq!(columns("sep=\t\na;1\tb\n"), ["a;1", "b"]);
        assert_eq!(rows("sep=,\n\na,b\n1,2\n"), [row(1, &["1", "2"])]);
        assert!(columns("").is_empty());
    }

    #[test]
    fn the_line_of_an_unclosed_quote_counts_skipped_lines() {
        let refused = read(b"sep=,\n\na,b\n1,\"2\n").unwrap_err();
        assert!(matches!(refused, ImportError::UnclosedQuote(4)), "{refused}");
    }

    #[test]
    fn an_unclosed_quote_is_reported_with_its_line() {
        for (csv, line) in [
            ("a,b\n1,\"2\n3,4\n", Some(2)),
            ("a,b\n1,\"2\n3,\"4\"\n", Some(2)),
            ("a,b\n1,\"\"\"2\n", Some(2)),
            ("\"a,b\n", Some(1)),
            ("a,b\n1,2\n\"", Some(3)),
            ("a,b\n1,\"2\n3\"\n\"4\",5\n", None),
            ("a,b\n1,\"say \"\"hello\"\"\"\r\n2,\"\"\n", None),
            ("a,b\n1,2 \" inch\n3,\"Anna\" Smith\n", None),
            ("a,b\n1,\"2\"", None),
        ] {
            assert_eq!(unclosed_quote(csv, b','), line, "{csv:?}");
        }
    }
}
