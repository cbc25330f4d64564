//! Looking for the highest value that passes.

/// The highest rate up to `most` that passes, to within `resolution` of `most`; 0 when none does. RFC 2544 26.1 leaves the way to it
/// open; this one halves what is left.
pub(crate) fn highest_rate<E>(
    most: f64,
    resolution: f64,
    mut passes: impl FnMut(f64) -> Result<bool, E>,
) -> Result<f64, E> {
    if passes(most)? {
        return Ok(most);
    }
    let (mut good, mut bad) = (0.0, most);
    while bad - good > resolution * most {
        let middle = f64::midpoint(good, bad);
        if passes(middle)? {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Ok(good)
}

/// The highest number up to `most` that passes, to within a share of itself; 0 when not even `least` does. Doubles from `least` on, so that
/// what is small is found without a trial of what is large.
pub(crate) fn highest_count<E>(
    least: u64,
    most: u64,
    share: f64,
    mut passes: impl FnMut(u64) -> Result<bool, E>,
) -> Result<u64, E> {
    let (mut good, mut next) = (0, least);
    let mut bad = loop {
        if !passes(next)? {
            break next;
        }
        good = next;
        if good >= most {
            return Ok(good);
        }
        next = (next * 2).min(most);
    };
    while good > 0 && (bad - good) as f64 > (share * good as f64).max(1.0) {
        let middle = good.midpoint(bad);
        if passes(middle)? {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Ok(good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn rate_of(limit: f64) -> (f64, u32) {
        let mut trials = 0;
        let found = highest_rate(1e6, 0.01, |rate| {
            trials += 1;
            Ok::<bool, Infallible>(rate <= limit)
        });
        (found.unwrap(), trials)
    }

    #[test]
    fn a_rate_is_found_within_the_resolution_and_never_above_what_passes() {
        for limit in [1.0, 9e3, 123_456.0, 500e3, 999e3, 1e6, 2e6] {
            let (found, trials) = rate_of(limit);
            assert!(found <= limit && limit.min(1e6) - found <= 1e4, "{limit}: {found}");
            assert!(trials <= 8, "{limit}: {trials} trials");
        }
        assert_eq!(rate_of(3e6), (1e6, 1));
    }

    #[test]
    fn a_count_is_found_without_a_trial_far_above_it() {
        for limit in [0, 1, 15, 16, 100, 1000, 8192, 60_000, 1 << 20] {
            let mut highest_tried = 0;
            let found = highest_count(16, 65_536, 0.01, |count| {
                highest_tried = highest_tried.max(count);
                Ok::<bool, Infallible>(count <= limit)
            });
            let (found, most) = (found.unwrap(), limit.min(65_536));
            assert!(found <= most, "{limit}: {found}");
            assert!(highest_tried <= (2 * limit).max(16), "{limit}: tried {highest_tried}");
            if limit >= 16 {
                assert!((most - found) as f64 <= (0.01 * found as f64).max(1.0), "{limit}: {found}");
            }
        }
    }

    #[test]
    fn what_fails_ends_the_search() {
        assert_eq!(highest_rate(1.0, 0.1, |_| Err::<bool, &str>("no")), Err("no"));
    }
}
