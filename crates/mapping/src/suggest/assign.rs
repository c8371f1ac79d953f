//! The one-to-one assignment with the greatest total score (the Hungarian method with potentials,
//! after Kuhn and Munkres): a field is not taken greedily by the first that likes it.

/// For each row the column it gets, where that is worth more than nothing. `gain(row, column)` is 0 where
/// the two must not meet.
pub(super) fn assign(
    rows: usize,
    columns: usize,
    gain: impl Fn(usize, usize) -> f64,
) -> Vec<Option<usize>> {
    if rows > columns {
        let by_column = solve(columns, rows, &|column, row| gain(row, column));
        let mut out = vec![None; rows];
        for (column, row) in by_column.into_iter().enumerate() {
            if let Some(slot) = row.and_then(|row| out.get_mut(row)) {
                *slot = Some(column);
            }
        }
        return out;
    }
    solve(rows, columns, &gain)
}

/// The same where there are at least as many columns as rows.
fn solve(rows: usize, columns: usize, gain: &dyn Fn(usize, usize) -> f64) -> Vec<Option<usize>> {
    let get = |list: &[f64], at: usize| list.get(at).copied().unwrap_or(0.0);
    // Index 0 is a stand-in on both sides, as in the textbook.
    let mut row_potential = vec![0.0; rows + 1];
    let mut column_potential = vec![0.0; columns + 1];
    let mut row_of = vec![0usize; columns + 1];
    let mut way = vec![0usize; columns + 1];
    for row in 1..=rows {
        let mut column = 0usize;
        if let Some(slot) = row_of.first_mut() {
            *slot = row;
        }
        let mut least = vec![f64::INFINITY; columns + 1];
        let mut used = vec![false; columns + 1];
        loop {
            if let Some(slot) = used.get_mut(column) {
                *slot = true;
            }
            let from = row_of.get(column).copied().unwrap_or(0);
            let mut delta = f64::INFINITY;
            let mut next = 0;
            let base = get(&row_potential, from);
            for (other, seen) in used.iter().enumerate().skip(1) {
                if *seen {
                    continue;
                }
                let cost = -gain(from - 1, other - 1) - base - get(&column_potential, other);
                if let (Some(best), Some(step)) = (least.get_mut(other), way.get_mut(other)) {
                    if cost < *best {
                        *best = cost;
                        *step = column;
                    }
                    if *best < delta {
                        delta = *best;
                        next = other;
                    }
                }
            }
            for (other, seen) in used.iter().enumerate() {
                if *seen {
                    if let Some(slot) =
                        row_potential.get_mut(row_of.get(other).copied().unwrap_or(0))
                    {
                        *slot += delta;
                    }
                    if let Some(slot) = column_potential.get_mut(other) {
                        *slot -= delta;
                    }
                } else if let Some(slot) = least.get_mut(other) {
                    *slot -= delta;
                }
            }
            column = next;
            if row_of.get(column).copied().unwrap_or(0) == 0 {
                break;
            }
        }
        while column != 0 {
            let before = way.get(column).copied().unwrap_or(0);
            let moved = row_of.get(before).copied().unwrap_or(0);
            if let Some(slot) = row_of.get_mut(column) {
                *slot = moved;
            }
            column = before;
        }
    }
    let mut out = vec![None; rows];
    for (column, row) in row_of.iter().enumerate().skip(1) {
        if *row > 0
            && gain(row - 1, column - 1) > 0.0
            && let Some(slot) = out.get_mut(row - 1)
        {
            *slot = Some(column - 1);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_total_counts_and_not_the_first_come() {
        let gains = [[0.9, 0.8], [0.85, 0.0]];
        assert_eq!(
            assign(2, 2, |row, column| gains[row][column]),
            [Some(1), Some(0)]
        );
    }

    fn best(gains: &[Vec<f64>], row: usize, used: &mut Vec<bool>) -> f64 {
        let Some(line) = gains.get(row) else {
            return 0.0;
        };
        let mut most = best(gains, row + 1, used);
        for column in 0..line.len() {
            if !used[column] {
                used[column] = true;
                most = most.max(line[column] + best(gains, row + 1, used));
                used[column] = false;
            }
        }
        most
    }

    proptest! {
        #[test]
        fn no_other_assignment_is_worth_more(rows in 1usize..5, columns in 1usize..5, seed in prop::collection::vec(0u32..100, 25)) {
            let gains: Vec<Vec<f64>> = (0..rows).map(|r| (0..columns).map(|c| f64::from(seed[r * 5 + c])).collect()).collect();
            let found = assign(rows, columns, |row, column| gains[row][column]);
            let total: f64 = found.iter().enumerate().filter_map(|(row, column)| Some(gains[row][(*column)?])).sum();
            prop_assert_eq!(total, best(&gains, 0, &mut vec![false; columns]));
            let mut taken: Vec<usize> = found.iter().flatten().copied().collect();
            taken.sort_unstable();
            taken.dedup();
            prop_assert_eq!(taken.len(), found.iter().flatten().count());
        }
    }
}
