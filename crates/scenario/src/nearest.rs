/// The candidate that `wrong` was probably meant to be: the closest one by edit distance, if it is close and
/// no other is as close. Case and `_` for `-` do not count.
pub(crate) fn nearest<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wrong = folded(wrong);
    // Beyond this it is no slip of the pen, and the table below would grow.
    if wrong.len() > 64 {
        return None;
    }
    let limit = wrong.len().div_ceil(3).min(3);
    let mut best = None;
    let mut best_distance = limit + 1;
    for candidate in candidates {
        let distance = edit_distance(&wrong, &folded(candidate));
        if distance < best_distance {
            (best, best_distance) = (Some(candidate), distance);
        } else if distance == best_distance {
            best = None;
        }
    }
    best
}

fn folded(text: &str) -> Vec<char> {
    text.chars().flat_map(char::to_lowercase).map(|c| if c == '_' { '-' } else { c }).collect()
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows[0] = (0..=b.len()).collect();
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let keys = ["access-vlan", "native-vlan", "interface-mode", "mtu"];
        let meant = |wrong| nearest(wrong, keys);
        assert_eq!(meant("acces-vlan"), Some("access-vlan"));
        assert_eq!(meant("access_vlan"), Some("access-vlan"));
        assert_eq!(meant("MTU"), Some("mtu"));
        assert_eq!(meant("mut"), Some("mtu"));
        assert_eq!(meant("colour"), None);
        assert_eq!(meant(&"x".repeat(1 << 20)), None);
        assert_eq!(nearest("h9", ["h1", "h2"]), None, "two are as close");
    }
}
