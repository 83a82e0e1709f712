/// Whether somebody is at work on a record: the key `alive`.
package struct Liveness: Sendable, Equatable {
    /// What shows that somebody is.
    package enum Sign: Sendable, Equatable {
        /// The key exists.
        case key
        /// The time in that field of the hash at the key, or the text at the key, isn't older than that.
        case time(field: KeyTemplate?, within: Duration)
        /// That member stands in the key; in a sorted set with a score that is a time not older than that.
        case member(KeyTemplate, within: Duration?)
    }

    /// What is found out about a record's worker.
    enum State: Equatable {
        /// Somebody is at work, and what says so.
        case alive(because: String)
        /// Nobody is, or the record names no worker at all; the guards say so, and the reason in words.
        case gone(guards: [Guard], because: String)
        /// These must be asked first.
        case unknown([Question])
    }

    /// The key, with fields of the record.
    package let template: KeyTemplate
    /// What is looked for there.
    package let sign: Sign
    /// The fields of the record that it takes.
    package let fields: [String]

    /// Makes it.
    package init(_ template: KeyTemplate, _ sign: Sign = .key) {
        self.template = template
        self.sign = sign
        fields = unique(template.fields + (Liveness.name(in: sign)?.fields ?? []))
    }

    /// Whether it is the same for all records.
    package var isConstant: Bool { template.isConstant && (Self.name(in: sign)?.isConstant ?? true) }

    /// What is done there.
    var use: KeyUse {
        let commands: [[String]] =
            switch sign {
            case .key: [["EXISTS"]]
            case .time(nil, _): [["TYPE"], ["GET"], ["PTTL"], ["EXISTS"]]
            case .time: [["HGET", "a"], ["HEXISTS", "a"], ["EXISTS"], ["TYPE"]]
            case .member(_, within: nil): [["TYPE"], ["PTTL"]]
            case .member: [["TYPE"], ["ZSCORE", "a"], ["PTTL"]]
            }
        return KeyUse(.alive, template, commands, isGuard: true)
    }

    /// Looks the record's worker up.
    ///
    /// A record that lacks a field of a template names no worker, so nobody works on it. What names the worker, or
    /// doesn't, is guarded, and so is what was found of it: another one that takes the record meanwhile wins, and a
    /// heartbeat that comes in between.
    func state(of record: Record, by times: TimeReading, at now: Timestamp) throws(RecordError) -> State {
        let absent = fields.filter { record.present($0) == nil }
        guard absent.isEmpty else {
            let guards = absent.map { Guard.field($0, equals: record[$0]) }
            return .gone(guards: guards, because: "no \(absent.joined(separator: ", "))")
        }
        let key = try template.expand(for: record)
        let owner = fields.map { Guard.field($0, equals: record[$0]) }
        switch sign {
        case .key:
            switch try record.exists(key) {
            case nil: return .unknown([.exists(key: key)])
            case true?: return .alive(because: "\(key) exists")
            case false?: return .gone(guards: [.keyAbsent(key)] + owner, because: "\(key) is gone")
            }
        case .time(let field, let within):
            let beats = Beats(within: within, times: times, now: now, owner: owner)
            guard let field else { return try beats.state(ofTextAt: key, of: record) }
            return try beats.state(ofField: try field.name(for: record), at: key, of: record)
        case .member(let member, let within):
            let name = try member.name(for: record)
            guard let within else { return try Self.standing(of: name, in: key, record, owner) }
            let beats = Beats(within: within, times: times, now: now, owner: owner)
            return try beats.state(ofMember: name, in: key, of: record)
        }
    }

    /// A member that only has to stand there.
    private static func standing(
        of member: String, in key: String, _ record: Record, _ owner: [Guard]
    ) throws(RecordError) -> State {
        guard record.answers[.standing(key: key, member: member)] != nil else {
            return .unknown([.standing(key: key, member: member)])
        }
        switch try record.standing(of: member, in: key) {
        case nil:
            return .gone(guards: [.unlisted(key: key, member: member)] + owner, because: "\(member) is not in \(key)")
        case .text?: throw RecordError("\(key) is a plain string: expected a set, a list, a zset or a hash")
        case .list?, .set?, .zset?, .hash?, .stream?: return .alive(because: "\(member) is in \(key)")
        }
    }

    private static func name(in sign: Sign) -> KeyTemplate? {
        switch sign {
        case .key: nil
        case .time(let field, _): field
        case .member(let member, _): member
        }
    }
}

extension KeyTemplate {
    /// The name of a field or of a member: it names nothing but itself, so that any character may be in it.
    fileprivate func name(for record: Record) throws(RecordError) -> String {
        try fill(id: record.id, as: .text) { record[$0] }
    }
}

/// Heartbeats beside a record, which are times in any form: the unit of a number is told by its digits, since what beats
/// needn't write its times as the records do.
private struct Beats {
    let within: Duration
    let times: TimeReading
    let now: Timestamp
    /// What names the worker.
    let owner: [Guard]

    func state(ofField field: String, at key: String, of record: Record) throws(RecordError) -> Liveness.State {
        let question = Question.field(key: key, field: field)
        let place = "\(field) in \(key)"
        switch record.answers[question] {
        case nil: return .unknown([question])
        case .field(_, nil)?:
            return gone([.otherField(key: key, field: field, equals: nil)], "no \(place)")
        case .field(_, let text?)?:
            return try state(of: text, in: place, .otherField(key: key, field: field, equals: text))
        case .unreadable(let why)?: throw RecordError(why)
        case .some: throw RecordError("\(place) was answered with something else")
        }
    }

    func state(ofTextAt key: String, of record: Record) throws(RecordError) -> Liveness.State {
        let questions = [Question.standing(key: key, member: ""), .exists(key: key)]
        guard questions.allSatisfy({ record.answers[$0] != nil }) else { return .unknown(questions) }
        switch try record.standing(of: "", in: key) {
        case .text(let text, _)?: return try state(of: text, in: key, .otherText(key: key, equals: text))
        case nil where try record.exists(key) != true: return gone([.keyAbsent(key)], "\(key) is gone")
        case nil, .list?, .set?, .zset?, .hash?, .stream?:
            throw RecordError("\(key) is no plain string: expected a time")
        }
    }

    func state(ofMember member: String, in key: String, of record: Record) throws(RecordError) -> Liveness.State {
        let question = Question.standing(key: key, member: member)
        guard record.answers[question] != nil else { return .unknown([question]) }
        let place = "\(member) in \(key)"
        switch try record.standing(of: member, in: key) {
        case .zset(let score)?:
            return try state(of: score, in: place, .scored(key: key, member: member, score: score))
        case nil: return gone([.unlisted(key: key, member: member)], "\(member) is not in \(key)")
        case .text?, .list?, .set?, .hash?, .stream?:
            throw RecordError("\(key) is no zset: expected scores that are times")
        }
    }

    /// What a heartbeat says; one that can't be read is the record's error, never death.
    private func state(of text: String, in place: String, _ guarding: Guard) throws(RecordError) -> Liveness.State {
        let reading = TimeReading(zone: times.zone, nulls: times.nulls)
        switch text.isEmpty ? .none : reading.read(text) {
        case .none: return gone([guarding], "\(place) is “\(text)”, no time")
        case .unreadable(let expectation): throw .unreadable(place, text, expectation)
        case .time(let time):
            let age = now - time.timestamp
            guard .zero - age <= RecordTime.mostAhead else {
                throw .unreadable(
                    place, text, "\((.zero - age).roughText) from now, expected a time at most a day ahead")
            }
            guard age > within else {
                let distance = age < .zero ? "ahead of now" : "\(age.roughText) old"
                return .alive(because: "\(place) is \(distance), within \(within.text)")
            }
            return gone([guarding], "\(place) is \(age.roughText) old, expected \(within.text) at most")
        }
    }

    private func gone(_ guards: [Guard], _ because: String) -> Liveness.State {
        .gone(guards: guards + owner, because: because)
    }
}
