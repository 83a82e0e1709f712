internal import RedisClient

/// The names of all keys that Curfew keeps in Redis.
///
/// They start with the prefix in braces, so that they share one slot in a cluster.
package struct Keys: Sendable {
    /// The prefix with braces and colon: `{curfew}:`.
    let prefix: String

    /// Creates the keys for a prefix without braces.
    package init(prefix: String) {
        self.prefix = "{\(prefix)}:"
    }

    /// Sorted set: cleanup → next due time, or lease expiry while it runs.
    package var schedule: String { prefix + "schedule" }
    /// Hash: cleanup → the last fence granted.
    package var fence: String { prefix + "fence" }
    /// Sorted set: instance → last seen.
    package var instances: String { prefix + "instances" }
    /// Hash: cleanup → who paused it, when and why.
    package var paused: String { prefix + "paused" }
    /// Stream of ended runs.
    package var runs: String { prefix + "runs" }
    /// Stream of measurements.
    package var metrics: String { prefix + "metrics" }
    /// Sorted set: cleanup that runs → how late it began, in milliseconds, negative.
    package var running: String { prefix + "running" }
    /// Hash: cleanup → its definition and schedule, and the configurations that have it.
    package var definitions: String { prefix + "definitions" }
    /// Hash: cleanup → the run that it owes: since when no run has succeeded, and when the next attempt is.
    package var owed: String { prefix + "owed" }
    /// Stream of alerts.
    package var alerts: String { prefix + "alerts" }
    /// Stream of single changes.
    package var events: String { prefix + "events" }
    /// String: the secret that signs form codes and dashboard sessions.
    package var secret: String { prefix + "secret" }
    /// Channel that wakes idle instances when a cleanup becomes due at once.
    package var wake: String { prefix + "wake" }

    /// Hash: the published state of an instance.
    package func instance(_ id: String) -> String { prefix + "instance:" + id }
    /// Hash: what the instances of a registration know: cleanup → whether it runs dry, and its policy.
    package func knows(_ registration: String) -> String { prefix + "knows:" + registration }
    /// String: the instance that tells it; for seconds.
    package func registrar(of registration: String) -> String { knows(registration) + ":by" }
    /// Sorted set: living instance with that registration → last seen.
    package func mates(_ registration: String) -> String { prefix + "mates:" + registration }
    /// Hash: the instance that runs a cleanup, and its progress.
    package func lease(_ cleanup: String) -> String { prefix + "lease:" + cleanup }
    /// Sorted set: the index that Curfew keeps if the application has none.
    package func index(_ cleanup: String) -> String { prefix + "index:" + cleanup }
    /// Hash: record → the value of a plain string and when it was first seen.
    package func seen(_ cleanup: String) -> String { prefix + "seen:" + cleanup }
    /// Hash: queue → its type when it last existed.
    package var kinds: String { prefix + "kinds" }
    /// String: when a record was retried; expires with the window of the retry limit.
    package func recoveries(_ cleanup: String, of id: String) -> String { prefix + "recoveries:" + cleanup + ":" + id }
    /// Sorted set: the registries of a cleanup that scans have found → when they were last seen, in Unix milliseconds.
    package func registries(_ cleanup: String) -> String { prefix + "registries:" + cleanup }
    /// String: the registry where a walk was cut short.
    package func walk(_ cleanup: String) -> String { prefix + "walk:" + cleanup }
    /// Hash: the progress of a keyspace scan.
    package func scan(_ cleanup: String) -> String { prefix + "scan:" + cleanup }
    /// Sorted set: delivery of a webhook → the time of the next attempt.
    package func webhook(_ name: String) -> String { prefix + "webhook:" + name }
    /// Hash: delivery of a webhook → its content.
    package func webhookLetters(_ name: String) -> String { webhook(name) + ":letters" }
    /// List of the failed deliveries of a webhook, newest first.
    package func webhookDead(_ name: String) -> String { webhook(name) + ":dead" }
    /// Sorted set: mail → the time of the next attempt.
    package var mail: String { prefix + "mail" }
    /// Hash: mail → its content.
    package var mailLetters: String { mail + ":letters" }
    /// List of the failed mails, newest first.
    package var mailDead: String { mail + ":dead" }
    /// String: the person of a session; expires with the session.
    package func session(_ id: String) -> String { prefix + "session:" + id }
    /// Hash: the state of a group of runs that was started without waiting for its end.
    package func group(_ id: String) -> String { prefix + "group:" + id }
    /// Hash: the state of an alert.
    package func alert(_ name: String) -> String { prefix + "alert:" + name }

    /// Stream: the last runs of a cleanup with alerts that add values up, with what these add up.
    func window(_ cleanup: String) -> String { prefix + "window:" + cleanup }
    /// String: the instance that watches for overdue cleanups on behalf of all with its configuration; expires.
    func watch(_ configuration: String) -> String { prefix + "watch:" + configuration }

    /// Hash: unfinished changes of a cleanup with parts in other slots of a cluster.
    func saga(_ cleanup: String) -> String { prefix + "saga:" + cleanup }

    /// Where a removed record is kept until it expires, in the slot of the record.
    static func trash(of key: String, run: String) -> String { name("curfew:trash:\(run)", beside: key) }

    /// Hash: the unfinished steps of a run at a record, in the slot of the record.
    static func pending(of key: String, run: String) -> String { name("curfew:pending:\(run)", beside: key) }

    /// Hash: what a run has written to a key that must be written only once, in the slot of that key.
    static func once(at key: String, run: String) -> String { name("curfew:once:\(run)", beside: key) }

    /// A key name of Curfew that lies in the slot of another key.
    ///
    /// A cluster hashes the part between the first `{` of a key and the next `}`, or the whole key if there is none. So
    /// a key with such a part keeps it, and any other key is put in braces. Only a key that contains a `}` can't be put
    /// in braces: its name gets a number in braces that hashes to the same slot.
    static func name(_ word: String, beside key: String) -> String {
        if hasHashTag(key) { return "\(word):\(key)" }
        if !key.utf8.contains(UInt8(ascii: "}")) { return "\(word):{\(key)}" }
        return "\(word):{\(RedisSlot.number(hashingTo: RedisSlot.of(key)))}:\(key)"
    }

    /// Whether a cluster hashes only a part of the key.
    private static func hasHashTag(_ key: String) -> Bool {
        let bytes = key.utf8
        guard let open = bytes.firstIndex(of: UInt8(ascii: "{")) else { return false }
        let rest = bytes[bytes.index(after: open)...]
        guard let close = rest.firstIndex(of: UInt8(ascii: "}")) else { return false }
        return close != rest.startIndex
    }
}
