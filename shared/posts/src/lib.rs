#![doc = include_str!("../README.md")]

mod follow;
mod post;

pub use follow::{BUCKETS, FOLLOWS, Follow, Followed, followed_by, followers_of};
pub use post::{POSTS, Post, posts_of};
