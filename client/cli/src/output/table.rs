//! Aligned columns for people: titles above, two spaces between, numbers to the right.
//!
//! Cells are made harmless here, so that no caller can forget it. On a terminal that is too narrow
//! for a row, first names are cut, then columns that can be spared are left out; what a person
//! pastes, such as a UUID, stays whole. Where no terminal reads it nothing is cut: what is piped on
//! must say everything.

use super::plain;
use super::style::Style;

/// Between two columns.
const GAP: &str = "  ";

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Texts.
    Left,
    /// Numbers.
    Right,
    /// Names, of any length: on a terminal cut where a row does not fit, to no less than this.
    Name(usize),
}

/// Rows below titles.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    spared: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns; without titles if all are empty.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), spared: &[], rows: Vec::new() }
    }

    /// Two columns without titles: names and values.
    pub(crate) fn of_pairs() -> Self {
        Self::new(&[("", Align::Left), ("", Align::Left)])
    }

    /// On a terminal too narrow for its rows, these columns are left out, the first first.
    pub(crate) fn sparing(mut self, titles: &'static [&'static str]) -> Self {
        self.spared = titles;
        self
    }

    /// Adds a row; a cell for each column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        debug_assert_eq!(N, self.columns.len(), "a cell for each column");
        self.rows.push(cells.map(plain::line).into());
    }

    /// The lines, without a line end after the last.
    pub(crate) fn render(&self, style: Style) -> String {
        let widths = self.widths(style.columns());
        let titles: Vec<String> =
            self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        if titles.iter().any(|title| !title.is_empty()) {
            lines.push(style.bold(&self.line(&titles, &widths)));
        }
        lines.extend(self.rows.iter().map(|row| self.line(row, &widths)));
        lines.join("\n")
    }

    /// The width of each column; `None` for one that is left out.
    fn widths(&self, at_most: Option<usize>) -> Vec<Option<usize>> {
        let mut widths: Vec<Option<usize>> =
            (0..self.columns.len()).map(|index| Some(self.width(index))).collect();
        let Some(at_most) = at_most else { return widths };
        // A column is left out only if the names, cut as far as they may be, leave no room for it.
        for spared in self.spared {
            if row_width(&self.cut_most(&widths)) <= at_most {
                break;
            }
            let columns = widths.iter_mut().zip(&self.columns);
            columns.filter(|(_, (title, _))| title == spared).for_each(|(width, _)| *width = None);
        }
        while row_width(&widths) > at_most && self.cut_widest(&mut widths) {}
        widths
    }

    fn cut_most(&self, widths: &[Option<usize>]) -> Vec<Option<usize>> {
        let mut widths = widths.to_vec();
        while self.cut_widest(&mut widths) {}
        widths
    }

    /// Takes a column off the widest name; says whether there was one to take.
    fn cut_widest(&self, widths: &mut [Option<usize>]) -> bool {
        let names = widths.iter_mut().zip(&self.columns).filter_map(|(width, column)| {
            let (title, Align::Name(least)) = column else { return None };
            let least = (*least).max(plain::width(title));
            width.as_mut().filter(|width| **width > least)
        });
        match names.max_by_key(|width| **width) {
            Some(width) => {
                *width -= 1;
                true
            }
            None => false,
        }
    }

    fn width(&self, index: usize) -> usize {
        let title = self.columns.get(index).map_or(0, |(title, _)| plain::width(title));
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        cells.map(|cell| plain::width(cell)).max().unwrap_or(0).max(title)
    }

    fn line(&self, cells: &[String], widths: &[Option<usize>]) -> String {
        let mut line = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(widths).zip(&self.columns) {
            let Some(width) = *width else { continue };
            if !line.is_empty() {
                line.push_str(GAP);
            }
            let cell = plain::cut(cell, width);
            let gap = " ".repeat(width.saturating_sub(plain::width(&cell)));
            match align {
                Align::Left | Align::Name(_) => line.extend([cell.as_str(), &gap]),
                Align::Right => line.extend([gap.as_str(), &cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

fn row_width(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten().count();
    widths.iter().flatten().sum::<usize>() + GAP.len() * shown.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_cells_made_harmless() {
        let mut table = Table::new(&[("title", Align::Left), ("assets", Align::Right)]);
        table.row(["日本", "7"]);
        table.row(["a\nb", "1234567"]);
        insta::assert_snapshot!(table.render(Style::PLAIN), @r"
        title   assets
        日本         7
        a\nb   1234567
        ");
    }

    fn wide() -> Table {
        let columns = [
            ("name", Align::Name(6)),
            ("size", Align::Right),
            ("title", Align::Name(5)),
            ("uuid", Align::Left),
        ];
        let mut table = Table::new(&columns).sparing(&["size", "title"]);
        table.row(["日本語日本語", "12x12", "A long title", "UUID-0001"]);
        table.row(["short", "1x1", "", "UUID-0002"]);
        table
    }

    #[test]
    fn names_are_cut_so_that_a_row_fits_the_terminal() {
        assert_eq!(wide().render(Style::of_width(44)), wide().render(Style::PLAIN));
        insta::assert_snapshot!(wide().render(Style::of_width(35)), @r"
        name       size  title    uuid
        日本語…   12x12  A long…  UUID-0001
        short       1x1           UUID-0002
        ");
    }

    #[test]
    fn columns_that_can_be_spared_go_before_a_row_is_broken() {
        insta::assert_snapshot!(wide().render(Style::of_width(30)), @r"
        name       title     uuid
        日本語日…  A long…   UUID-0001
        short                UUID-0002
        ");
        insta::assert_snapshot!(wide().render(Style::of_width(18)), @r"
        name     uuid
        日本語…  UUID-0001
        short    UUID-0002
        ");
        let least = wide().render(Style::of_width(1));
        assert!(least.contains("UUID-0001"), "whole, whatever the width: {least}");
    }

    #[test]
    fn a_row_is_no_wider_than_the_terminal_where_that_is_possible() {
        for columns in 17..60 {
            let text = wide().render(Style::of_width(columns));
            assert!(text.lines().all(|line| plain::width(line) <= columns), "{columns}:\n{text}");
        }
    }

    #[test]
    fn pairs_have_no_titles() {
        let mut table = Table::of_pairs();
        table.row(["version", "11.1"]);
        table.row(["uuid", "A"]);
        assert_eq!(table.render(Style::PLAIN), "version  11.1\nuuid     A");
    }
}
