package import Testing

/// What the tests of a suite need. Each suite has exactly one of these, the highest that one of its tests needs; another
/// test checks it, and `Deploy/test` chooses suites by it.
extension Tag {
    /// Nothing but the test process.
    @Tag package static var pure: Self
    /// A server that the test starts for itself: Redis, object storage, a receiver of HTTP.
    @Tag package static var ownServer: Self
    /// A Redis Cluster, or Sentinels with what they watch.
    @Tag package static var cluster: Self
    /// The built program, as processes of its own.
    @Tag package static var processes: Self
}
