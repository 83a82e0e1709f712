package import Policies
internal import RedisClient

/// The state of a group of runs that nobody waits for, as any instance reads it from Redis.
///
/// The instance that runs the group writes it. It also writes until when the state can be trusted; a group whose instance
/// has died is lost from then on. The cleanup that it was at is taken over by another instance when its lease ends; the
/// rest of the group isn't.
package struct GroupState: Sendable, Equatable {
    /// How far it is.
    package enum Status: String, Sendable, CaseIterable {
        /// Its cleanups are being run.
        case running
        /// Every run succeeded.
        case completed
        /// Every run succeeded, but some records had errors.
        case completedWithErrors = "completed_with_errors"
        /// A run failed, or a cleanup could not be run.
        case failed
        /// A person or a shutdown ended it.
        case cancelled
        /// Its instance has died.
        case lost
    }

    /// Its id.
    package let id: String
    /// The name that was asked for, in words of `routes`.
    package var type = ""
    /// How far it is.
    package var status = Status.running
    /// The progress, 0–100, and the step in words.
    package var place = GroupProgress.Place(percent: 0, step: "")
    /// The cleanup that is being run; empty for none.
    package var cleanup = ""
    /// The instance that runs it, and who asked for it.
    package var instance = "", person = ""
    /// When it began and ended, on the server's clock.
    package var began: Timestamp, ended: Timestamp?
    /// Until when it can be trusted, unless it has ended.
    package var trusted: Timestamp
    /// Why it ended early.
    package var error: String?
    /// The answer, as JSON, once it has ended.
    package var result: String?

    /// How long the state is kept after the last change.
    package static let kept = Duration.seconds(86_400)

    /// Creates the state of a group that begins now.
    init(id: String, type: String, instance: String, person: String, began: Timestamp, trusted: Timestamp) {
        (self.id, self.type, self.instance, self.person) = (id, type, instance, person)
        (self.began, self.trusted) = (began, trusted)
    }

    /// A new id: 32 hexadecimal digits, which nobody can guess.
    static func newID() -> String {
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let digits = String(UInt32.random(in: 0...UInt32.max, using: &generator), radix: 16)
            return String(repeating: "0", count: 8 - digits.utf8.count) + digits
        }.joined()
    }

    /// Whether a text can be an id.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

extension GroupState {
    /// The fields of the hash.
    var fields: [String] {
        var fields = [
            "type", type, "status", status.rawValue, "progress", String(place.percent), "step", place.step,
            "cleanup", cleanup, "instance", instance, "by", person, "started_ms", String(began.milliseconds),
            "until_ms", String(trusted.milliseconds),
        ]
        if let ended { fields += ["ended_ms", String(ended.milliseconds)] }
        if let error { fields += ["error", error] }
        if let result { fields += ["result", result] }
        return fields
    }

    /// Reads the state of a group; nil if there is none of that id, or none any more.
    package static func read(_ id: String, _ engine: Engine) async throws(CurfewError) -> GroupState? {
        guard isID(id) else { return nil }
        let fields = try await engine.redis.read("HGETALL", engine.keys.group(id)).texts
        guard !fields.isEmpty else { return nil }
        return GroupState(id: id, fields, now: try await engine.serverClock().now)
    }

    /// Parses the hash; nil if it isn't one that an instance has written.
    init?(id: String, _ fields: [String: String], now: Timestamp) {
        func time(_ name: String) -> Timestamp? {
            fields[name].flatMap { Int64($0) }.map { Timestamp(milliseconds: $0) }
        }
        guard let status = fields["status"].flatMap(Status.init(rawValue:)), let began = time("started_ms"),
            let trusted = time("until_ms")
        else { return nil }
        self.init(
            id: id, type: fields["type"] ?? "", instance: fields["instance"] ?? "", person: fields["by"] ?? "",
            began: began, trusted: trusted)
        place = .init(percent: fields["progress"].flatMap { Int($0) } ?? 0, step: fields["step"] ?? "")
        cleanup = fields["cleanup"] ?? ""
        (ended, error, result) = (time("ended_ms"), fields["error"], fields["result"])
        self.status = status
        guard status == .running, now > trusted else { return }
        self.status = .lost
        place.step = "Lost"
        error =
            "\(instance) has not been heard of since \(trusted.iso8601): another instance continues the cleanup "
            + "that it was running, the rest was not run"
    }
}
