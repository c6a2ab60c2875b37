//! Positions of a plan as a file holds them: ranges, each with its first and last position.

use serde::{Deserialize, Serialize};

/// Ascending positions.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    pub(super) fn positions(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Whether all positions are below `count`, and the ranges ascend.
    pub(super) fn fit(&self, count: usize) -> bool {
        let mut next = 0;
        self.0.iter().all(|(first, last)| {
            let fits = (next..=u64::from(*last)).contains(&u64::from(*first));
            next = u64::from(*last) + 1;
            fits && next <= count as u64
        })
    }
}

impl FromIterator<u32> for Ranges {
    fn from_iter<I: IntoIterator<Item = u32>>(positions: I) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for position in positions {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == position => *last = position,
                _ => ranges.push((position, position)),
            }
        }
        Self(ranges)
    }
}
