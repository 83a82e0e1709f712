internal import RedisClient

/// The names of everything that Curfew keeps in Redis, in one place.
///
/// All of them start with the prefix in braces, so that in a Cluster they share one slot.
package struct Keys: Sendable {
    /// The prefix with braces and colon: `{curfew}:`.
    let prefix: String

    /// Makes the keys for a prefix word, given without braces.
    package init(prefix: String) {
        self.prefix = "{\(prefix)}:"
    }

    /// Sorted set: cleanup → next due time, or lease expiry while it runs.
    package var schedule: String { prefix + "schedule" }
    /// Hash: cleanup → the last fence given.
    package var fence: String { prefix + "fence" }
    /// Sorted set: instance → last seen.
    package var instances: String { prefix + "instances" }
    /// Hash: cleanup → who paused it, when and why.
    package var paused: String { prefix + "paused" }
    /// Stream of ended runs.
    package var runs: String { prefix + "runs" }
    /// Stream of measurements.
    package var metrics: String { prefix + "metrics" }
    /// Hash: cleanup → what it means, when it runs, and which configurations say so.
    package var definitions: String { prefix + "definitions" }
    /// Hash: cleanup → the run that it owes: since when none has succeeded, and when the next try is.
    package var owed: String { prefix + "owed" }
    /// Stream of alerts.
    package var alerts: String { prefix + "alerts" }
    /// Stream of single changes.
    package var events: String { prefix + "events" }
    /// String: what form codes and sessions of the dashboard are signed with.
    package var secret: String { prefix + "secret" }
    /// Channel that wakes idle instances when a cleanup is due at once.
    package var wake: String { prefix + "wake" }

    /// Hash: what an instance says of itself.
    package func instance(_ id: String) -> String { prefix + "instance:" + id }
    /// Hash: who runs a cleanup, and how far it is.
    package func lease(_ cleanup: String) -> String { prefix + "lease:" + cleanup }
    /// Sorted set that Curfew keeps where the app has none.
    package func index(_ cleanup: String) -> String { prefix + "index:" + cleanup }
    /// Hash: record → when a plain string was first seen with which value.
    package func seen(_ cleanup: String) -> String { prefix + "seen:" + cleanup }
    /// Hash: queue → what it was when it was last there.
    package var kinds: String { prefix + "kinds" }
    /// String: when a record was given another try; expires with the window in which that counts.
    package func recoveries(_ cleanup: String, of id: String) -> String { prefix + "recoveries:" + cleanup + ":" + id }
    /// Hash: how far the scan of a keyspace is.
    package func scan(_ cleanup: String) -> String { prefix + "scan:" + cleanup }
    /// Sorted set: delivery of a webhook → when it is tried next.
    package func webhook(_ name: String) -> String { prefix + "webhook:" + name }
    /// Hash: delivery of a webhook → what is sent.
    package func webhookLetters(_ name: String) -> String { webhook(name) + ":letters" }
    /// List of the deliveries of a webhook that were given up, newest first.
    package func webhookDead(_ name: String) -> String { webhook(name) + ":dead" }
    /// String: who has signed in; expires with the session.
    package func session(_ id: String) -> String { prefix + "session:" + id }
    /// Hash: the state of an alert.
    package func alert(_ name: String) -> String { prefix + "alert:" + name }

    /// Hash: changes of a cleanup whose parts in other slots of a Cluster are under way.
    func saga(_ cleanup: String) -> String { prefix + "saga:" + cleanup }

    /// Where a removed record waits until it expires: in the slot of the record itself.
    static func trash(of key: String, run: String) -> String { name("curfew:trash:\(run)", beside: key) }

    /// Hash: what a run has begun at a record, in the slot of the record itself.
    static func pending(of key: String, run: String) -> String { name("curfew:pending:\(run)", beside: key) }

    /// Hash: what a run has written to a key that must be written once, in the slot of that key.
    static func once(at key: String, run: String) -> String { name("curfew:once:\(run)", beside: key) }

    /// A name of our own, without braces, for something that must be in the slot of another key.
    ///
    /// A Cluster hashes what is between the first `{` of a key and the next `}`, or all of it where there is nothing. So a
    /// key with such a part keeps it, and any other is put into braces whole. Only one with a `}` of its own can't be: it
    /// gets, in braces, a number that hashes to the same slot.
    static func name(_ word: String, beside key: String) -> String {
        if hasHashTag(key) { return "\(word):\(key)" }
        if !key.utf8.contains(UInt8(ascii: "}")) { return "\(word):{\(key)}" }
        return "\(word):{\(RedisSlot.number(hashingTo: RedisSlot.of(key)))}:\(key)"
    }

    /// Whether a Cluster hashes only a part of the key.
    private static func hasHashTag(_ key: String) -> Bool {
        let bytes = key.utf8
        guard let open = bytes.firstIndex(of: UInt8(ascii: "{")) else { return false }
        let rest = bytes[bytes.index(after: open)...]
        guard let close = rest.firstIndex(of: UInt8(ascii: "}")) else { return false }
        return close != rest.startIndex
    }
}
