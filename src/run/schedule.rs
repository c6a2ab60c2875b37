//! From a plan to batches: ids grouped by user and device, duplicates found, cut into requests.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::plan::Plan;
use crate::report::Outcome;
use crate::rules::MAX_IDS_PER_REQUEST;

/// What a run works through.
pub(crate) struct Schedule<'a> {
    plan: &'a Plan,
    groups: Vec<Group<'a>>,
    /// Positions of the ids to send, group by group, in the plan's order within each.
    order: Vec<u32>,
    batches: Vec<Slice>,
    /// Positions of ids that stand earlier in the plan, and where.
    pub(crate) duplicates: Vec<Duplicate>,
    /// Positions of ids of which only a duplicate was tried before.
    pub(crate) tried_as_duplicates: HashSet<u32>,
}

struct Group<'a> {
    user: &'a str,
    device: &'a str,
}

/// A batch, as a slice of `order`.
struct Slice {
    group: u32,
    start: u32,
    end: u32,
}

/// An id that stands earlier in the plan for the same user and device.
pub(crate) struct Duplicate {
    pub(crate) position: u32,
    pub(crate) original: u32,
}

/// At most 100 distinct ids of one device of one user.
#[derive(Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub(crate) user: &'a str,
    pub(crate) device: &'a str,
    pub(crate) positions: &'a [u32],
}

impl<'a> Schedule<'a> {
    /// Plans the run. Ids without a user become `default_user`'s. Ids that `is_settled` says an earlier run
    /// settled are left out; it may be empty.
    pub(crate) fn new(plan: &'a Plan, default_user: &'a str, is_settled: &[bool]) -> Self {
        let (groups, sizes, group_of_section) = group(plan, default_user);
        let order = gather(plan, &sizes, &group_of_section);
        let mut schedule = Self {
            plan,
            groups,
            order,
            batches: Vec::new(),
            duplicates: Vec::new(),
            tried_as_duplicates: HashSet::new(),
        };
        schedule.cut(&sizes, is_settled);
        schedule
    }

    pub(crate) fn batch_count(&self) -> usize {
        self.batches.len()
    }

    pub(crate) fn batch(&self, index: usize) -> Option<Batch<'_>> {
        let slice = self.batches.get(index)?;
        let group = &self.groups[slice.group as usize];
        Some(Batch {
            user: group.user,
            device: group.device,
            positions: &self.order[slice.start as usize..slice.end as usize],
        })
    }

    /// The id at a position of the plan.
    #[inline]
    pub(crate) fn id(&self, position: u32) -> &'a str {
        self.plan.id(position)
    }

    pub(crate) fn outcome_before_run(&self, position: u32) -> Outcome {
        let is_tried = self.plan.is_tried(position as usize);
        Outcome::before_run(is_tried || self.tried_as_duplicates.contains(&position))
    }

    /// Takes each group's duplicates out, and what is settled, and cuts what remains.
    fn cut(&mut self, sizes: &[u32], is_settled: &[bool]) {
        let mut start = 0;
        for (group, &size) in sizes.iter().enumerate() {
            let distinct = self.drop_duplicates(start..start + size as usize);
            let kept = self.drop_settled(distinct, is_settled);
            for from in kept.clone().step_by(MAX_IDS_PER_REQUEST) {
                self.batches.push(Slice {
                    group: group as u32,
                    start: from as u32,
                    end: kept.end.min(from + MAX_IDS_PER_REQUEST) as u32,
                });
            }
            start += size as usize;
        }
    }

    /// Moves the ids of a group that are not settled to the front.
    fn drop_settled(&mut self, range: Range<usize>, is_settled: &[bool]) -> Range<usize> {
        if is_settled.is_empty() {
            return range;
        }
        let (start, mut kept) = (range.start, range.start);
        for index in range {
            let position = self.order[index];
            if !is_settled[position as usize] {
                self.order[kept] = position;
                kept += 1;
            }
        }
        start..kept
    }

    /// Whether a group's ids ascend as numbers do, as those of a sorted list: then none is repeated,
    /// and it takes no table to see it.
    fn is_ascending(&self, range: Range<usize>) -> bool {
        let ids = self.order[range].iter().map(|position| self.id(*position));
        let ranks = ids.map(|id| (id.len(), id));
        ranks.is_sorted_by(|one, next| one < next)
    }

    /// Moves the first occurrence of each id of a group to the group's front.
    fn drop_duplicates(&mut self, range: Range<usize>) -> Range<usize> {
        if self.is_ascending(range.clone()) {
            return range;
        }
        let (start, mut kept) = (range.start, range.start);
        let plan = self.plan;
        let id = |position: u32| plan.id(position);
        let hasher = DefaultHashBuilder::default();
        let hash = |position: &u32| hasher.hash_one(id(*position));
        let mut seen = HashTable::with_capacity(range.len());
        for index in range {
            let position = self.order[index];
            let text = id(position);
            let same = |other: &u32| id(*other) == text;
            match seen.entry(hash(&position), same, hash) {
                hashbrown::hash_table::Entry::Occupied(first) => {
                    let original = *first.get();
                    self.duplicates.push(Duplicate { position, original });
                    if plan.is_tried(position as usize) {
                        self.tried_as_duplicates.insert(original);
                    }
                }
                hashbrown::hash_table::Entry::Vacant(place) => {
                    place.insert(position);
                    self.order[kept] = position;
                    kept += 1;
                }
            }
        }
        start..kept
    }
}

/// The groups in order of appearance, their sizes, and the group of each section.
fn group<'a>(plan: &'a Plan, default_user: &'a str) -> (Vec<Group<'a>>, Vec<u32>, Vec<u32>) {
    let mut known: HashMap<(&str, &str), u32> = HashMap::new();
    let (mut groups, mut sizes) = (Vec::new(), Vec::new());
    let mut group_of_section = Vec::new();
    for section in plan.sections() {
        let user = section.user.unwrap_or(default_user);
        let device = section.device;
        let group = *known.entry((user, device)).or_insert_with(|| {
            groups.push(Group { user, device });
            sizes.push(0);
            groups.len() as u32 - 1
        });
        sizes[group as usize] += section.positions.len() as u32;
        group_of_section.push(group);
    }
    (groups, sizes, group_of_section)
}

/// All positions, group by group.
fn gather(plan: &Plan, sizes: &[u32], group_of_section: &[u32]) -> Vec<u32> {
    let mut next = Vec::with_capacity(sizes.len());
    let mut total = 0;
    for &size in sizes {
        next.push(total);
        total += size as usize;
    }
    let mut order = vec![0; total];
    for (section, &group) in plan.sections().zip(group_of_section) {
        let place = &mut next[group as usize];
        for position in section.positions {
            order[*place] = position as u32;
            *place += 1;
        }
    }
    order
}
