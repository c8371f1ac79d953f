//! `TableExtractor`: rows of cells and the names of the columns, or columns side by side.
//!
//! Where the names stand: in the first row, at paths of the answer (`header_paths`), or in the connector file
//! (`column_names`). Where the cells stand: a row is a list of them, or they stand in lists within the row (`cells_paths`);
//! each is a value, or an object that has it somewhere (`cell_path`). A table may come in one body or row by row.

use compact_str::{CompactString, format_compact};
use model::row::Row;
use model::value::{Object, Value};
use template::{Env, Scope};

use crate::declarative::decode::DecodeError;
use crate::declarative::extract::PathAt;
use crate::declarative::glob_path::{GlobPath, at};
use crate::declarative::node::{Kind, View};
use crate::declarative::text::{Text, python_text};
use crate::declarative::transform::keys::snake_case;

/// Columns that a table may have.
const MOST_COLUMNS: usize = 16_384;

/// From the connector file.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    rows: PathAt,
    columns: Vec<PathAt>,
    cells: Vec<PathAt>,
    cell: PathAt,
    header: Vec<PathAt>,
    names: Option<Names>,
    shape: Shape,
}

/// Names in the connector file.
#[derive(Clone, Debug, PartialEq)]
enum Names {
    List(Vec<Text>),
    /// A template that makes a list.
    Template(Text),
}

/// What is done with names and with what is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    snake_case: bool,
    keeps_empty_rows: bool,
    drops_empty_cells: bool,
}

impl Table {
    /// From the file.
    pub(super) fn compile(view: &View<'_>) -> crate::Result<Self> {
        let paths = |name: &str| -> crate::Result<Vec<PathAt>> {
            match view.get(name) {
                Some(paths) => paths.items()?.iter().map(PathAt::compile).collect(),
                None => Ok(Vec::new()),
            }
        };
        let table = Self {
            rows: PathAt::member(view, "rows_path")?,
            columns: paths("columns_paths")?,
            cells: paths("cells_paths")?,
            cell: PathAt::member(view, "cell_path")?,
            header: paths("header_paths")?,
            names: match view.get("column_names") {
                Some(names) => Some(match names.node().kind {
                    Kind::List(_) => Names::List(
                        names
                            .items()?
                            .iter()
                            .map(Text::compile)
                            .collect::<crate::Result<_>>()?,
                    ),
                    _ => Names::Template(Text::compile(&names)?),
                }),
                None => None,
            },
            shape: Shape {
                snake_case: view.flag_or("snake_case_names", false)?,
                keeps_empty_rows: view.flag_or("keep_empty_rows", false)?,
                drops_empty_cells: view.flag_or("drop_empty_cells", false)?,
            },
        };
        if !table.columns.is_empty() && table.names.is_none() && table.header.is_empty() {
            return Err(view.fail(
                "`columns_paths` has columns without names",
                "`column_names`, or `header_paths`: where the names stand",
            ));
        }
        Ok(table)
    }

    /// With its paths and names filled in.
    pub(super) fn fill(&self, scope: &Scope<'_>, env: &Env) -> crate::Result<TableExtraction> {
        let fill = |paths: &[PathAt]| -> crate::Result<Vec<GlobPath>> {
            paths.iter().map(|path| path.fill(scope, env)).collect()
        };
        let names = match &self.names {
            None => None,
            Some(Names::List(names)) => Some(
                names
                    .iter()
                    .map(|name| Ok(name.printed(scope, env)?.into()))
                    .collect::<crate::Result<Vec<CompactString>>>()?,
            ),
            Some(Names::Template(text)) => match text.eval(scope, env)? {
                Value::List(names) => Some(names.iter().map(name_of).collect()),
                _ => return Err(text.fail("it makes no list of names".into())),
            },
        };
        Ok(TableExtraction {
            rows: self.rows.fill(scope, env)?,
            columns: fill(&self.columns)?,
            cells: fill(&self.cells)?,
            cell: self.cell.fill_plain(scope, env)?,
            header: fill(&self.header)?,
            names: names.map(|names| self.shape.columns(names)),
            shape: self.shape,
        })
    }
}

fn name_of(value: &Value) -> CompactString {
    match value {
        Value::Text(name) => name.clone(),
        Value::Null => CompactString::default(),
        other => python_text(other).into(),
    }
}

impl Shape {
    /// Names for columns; a name that occurs again gets a number, a column without one is left out.
    fn columns(self, names: Vec<CompactString>) -> Vec<CompactString> {
        let mut seen = std::collections::HashSet::new();
        let mut columns = Vec::with_capacity(names.len());
        for name in names.into_iter().take(MOST_COLUMNS) {
            let name = if self.snake_case {
                snake_case(&name)
            } else {
                name
            };
            let mut own = name.clone();
            let mut again = 1;
            while !own.is_empty() && !seen.insert(own.clone()) {
                again += 1;
                own = format_compact!("{name}_{again}");
            }
            columns.push(own);
        }
        columns
    }
}

/// Ready for answers.
#[derive(Clone, Debug, PartialEq)]
pub struct TableExtraction {
    rows: GlobPath,
    columns: Vec<GlobPath>,
    cells: Vec<GlobPath>,
    cell: Vec<CompactString>,
    header: Vec<GlobPath>,
    names: Option<Vec<CompactString>>,
    shape: Shape,
}

/// The names of a table that comes row by row.
#[derive(Debug, Default)]
pub(super) struct TableState {
    names: Option<Vec<CompactString>>,
}

impl TableExtraction {
    /// Adds the records of a body.
    pub(super) fn body(
        &self,
        body: Row,
        state: &mut TableState,
        rows: &mut Vec<Row>,
    ) -> Result<(), DecodeError> {
        let body = body.into_value();
        if !self.header.is_empty() {
            let names = self.listed(&body, &self.header).map(name_of).collect();
            state.names = Some(self.shape.columns(names));
        }
        if let Some(names) = &self.names {
            state.names = Some(names.clone());
        }
        if !self.columns.is_empty() {
            let columns: Vec<Vec<&Value>> = self
                .columns
                .iter()
                .map(|path| self.listed(&body, std::slice::from_ref(path)).collect())
                .collect();
            let length = columns.iter().map(Vec::len).max().unwrap_or(0);
            for place in 0..length {
                let cells = columns.iter().map(|column| column.get(place).copied());
                let cells: Vec<Option<&Value>> = cells.collect();
                self.add(state, &cells, rows);
            }
            return Ok(());
        }
        for found in self.rows.find(&body) {
            match found {
                // A body that is a list of cells is one row, and one that is a list of rows all of them.
                Value::List(items) if items.iter().any(is_row) => {
                    for row in items {
                        self.row(state, row, rows);
                    }
                }
                row if is_row(row) => self.row(state, row, rows),
                _ => {}
            }
        }
        Ok(())
    }

    fn row(&self, state: &mut TableState, row: &Value, rows: &mut Vec<Row>) {
        let cells: Vec<Option<&Value>> = if self.cells.is_empty() {
            match row {
                Value::List(items) => items.iter().map(Some).collect(),
                _ => return,
            }
        } else {
            self.listed(row, &self.cells).map(Some).collect()
        };
        self.add(state, &cells, rows);
    }

    /// What is found at paths, the items of lists one by one.
    fn listed<'v>(
        &'v self,
        value: &'v Value,
        paths: &'v [GlobPath],
    ) -> impl Iterator<Item = &'v Value> {
        paths
            .iter()
            .flat_map(|path| path.find(value))
            .flat_map(|found| {
                match found {
                    Value::List(items) => items.as_slice(),
                    one => std::slice::from_ref(one),
                }
                .iter()
            })
    }

    fn add(&self, state: &mut TableState, cells: &[Option<&Value>], rows: &mut Vec<Row>) {
        const NOTHING: &Value = &Value::Null;
        let mut values = cells.iter().map(|cell| match cell {
            Some(object @ Value::Object(_)) => at(object, &self.cell).unwrap_or(NOTHING),
            Some(value) => value,
            None => NOTHING,
        });
        let Some(names) = &state.names else {
            state.names = Some(self.shape.columns(values.map(name_of).collect()));
            return;
        };
        let mut object = Object::with_capacity(names.len());
        let mut is_empty = true;
        for name in names {
            let value = values.next().unwrap_or(NOTHING);
            is_empty &= value.is_empty();
            let is_dropped = self.shape.drops_empty_cells && value.is_empty();
            if !name.is_empty() && !is_dropped {
                object.push(name.clone(), value.clone());
            }
        }
        if !is_empty || self.shape.keeps_empty_rows {
            rows.push(Row::from(Value::Object(object)));
        }
    }
}

fn is_row(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Object(_))
}
