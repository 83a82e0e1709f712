internal import Curfew
internal import Policies

/// How fast the demo goes: as fast as somebody can watch it, or within ten seconds.
struct DemoPace: Sendable {
    /// How long a lease lasts, and with it how long the killed instance's run waits for another.
    let lease: Duration
    /// How often an instance says that it is alive.
    let heartbeat: Duration
    /// How often each cleanup runs.
    let interval: Duration
    /// After how long a lock without a time of its own is stale: its age counts from the first look at it.
    let firstSeen: Duration
    /// How many stuck jobs there are at first.
    let stuck: Int
    /// How many records a step of their cleanup takes.
    let page: Int

    /// For watching: about twenty seconds.
    static let usual = DemoPace(
        lease: .seconds(3), heartbeat: .seconds(1), interval: .seconds(2), firstSeen: .seconds(4), stuck: 20_000,
        page: 20)
    /// For a first impression: less than ten seconds.
    static let quick = DemoPace(
        lease: .seconds(2), heartbeat: .milliseconds(500), interval: .seconds(1), firstSeen: .seconds(1),
        stuck: 6_000, page: 20)

    /// A part of the configuration with these times in it.
    func applied(to text: String) -> String {
        text.replacing("EVERY", with: interval.text).replacing("FIRST_SEEN", with: firstSeen.text)
            .replacing("PAGE", with: String(page))
    }
}
