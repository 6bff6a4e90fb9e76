//! A report as a table in CSV, for spreadsheets.

use domain::report::{DurationSummary, ReportFigures};

use crate::{
    Error,
    reports::{Report, ReportKey, ReportRow},
};

const HEADER: [&str; 11] = [
    "key",
    "name",
    "conversations",
    "guest_messages",
    "staff_messages",
    "first_response_median_seconds",
    "first_response_p90_seconds",
    "resolution_median_seconds",
    "resolution_p90_seconds",
    "within_target",
    "missed",
];

impl Report {
    /// Returns the rows of the report as CSV in UTF-8, with a header and the total as the last row.
    pub fn to_csv(&self) -> Result<Vec<u8>, Error> {
        let mut table = csv::Writer::from_writer(Vec::new());
        let written = (|| {
            table.write_record(HEADER)?;
            for row in &self.rows {
                table.write_record(cells(row))?;
            }
            table.write_record(cells_of("total".to_owned(), String::new(), &self.total))?;
            table.into_inner().map_err(|error| csv::Error::from(error.into_error()))
        })();
        written.map_err(|error| Error::Store(persistence::StoreError::Unavailable(error.to_string())))
    }
}

fn cells(row: &ReportRow) -> [String; 11] {
    let key = match row.key {
        ReportKey::Date(day) => day.to_string(),
        ReportKey::Id(id) => id.to_string(),
        ReportKey::Rest => String::new(),
    };
    cells_of(key, text_cell(row.name.as_deref().unwrap_or_default()), &row.figures)
}

fn cells_of(key: String, name: String, figures: &ReportFigures) -> [String; 11] {
    let summary = |durations: &[i64]| {
        let summary = DurationSummary::of(durations);
        let cell =
            |of: fn(&DurationSummary) -> i64| summary.as_ref().map(of).map_or_else(String::new, |it| it.to_string());
        [cell(|it| it.median), cell(|it| it.p90)]
    };
    let [response_median, response_p90] = summary(&figures.first_responses);
    let [resolution_median, resolution_p90] = summary(&figures.resolutions);
    let share = figures.share_within_target().map_or_else(String::new, |it| format!("{it:.4}"));
    [
        key,
        name,
        figures.conversations.to_string(),
        figures.guest_messages.to_string(),
        figures.staff_messages.to_string(),
        response_median,
        response_p90,
        resolution_median,
        resolution_p90,
        share,
        figures.missed.to_string(),
    ]
}

/// A cell with a text. A spreadsheet would run a text that begins like a formula, so it gets an apostrophe in front.
fn text_cell(text: &str) -> String {
    let begins_formula = text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r', '\n']);
    if begins_formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_escaped() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1"] {
            assert_eq!(text_cell(formula), format!("'{formula}"));
        }
        for text in ["Reception", "A=1", "", "Ana \"Bo\", Spa"] {
            assert_eq!(text_cell(text), text);
        }
    }

    #[test]
    fn a_table_has_a_header_and_a_total() {
        let figures = ReportFigures {
            conversations: 1,
            guest_messages: 2,
            staff_messages: 3,
            first_responses: vec![10, 20],
            resolutions: vec![],
            within_target: 1,
            missed: 2,
        };
        let day = "2026-03-29".parse().unwrap();
        let row = ReportRow { key: ReportKey::Id(7), name: Some("=Spa, \"wet\"".to_owned()), figures: figures.clone() };
        let report = Report { from: day, to: day, timezone: "UTC".to_owned(), total: figures, rows: vec![row] };
        let text = String::from_utf8(report.to_csv().unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], HEADER.join(","));
        assert_eq!(lines[1], "7,\"'=Spa, \"\"wet\"\"\",1,2,3,15,19,,,0.3333,2");
        assert_eq!(lines[2], "total,,1,2,3,15,19,,,0.3333,2");
    }
}
