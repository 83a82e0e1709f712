/// Whether somebody is at work on a record, told by a key that exists as long as its worker does.
struct Liveness: Sendable {
    /// What the key says.
    enum State: Equatable {
        /// It exists.
        case alive(key: String)
        /// It doesn't, or the record names no worker at all; the guards say so, and the reason in words.
        case gone(guards: [Guard], because: String)
        /// That must be asked first.
        case unknown(Question)
    }

    /// The key, with fields of the record.
    let template: KeyTemplate

    /// What is done there.
    var use: KeyUse { KeyUse(.alive, template, [["EXISTS"]], isGuard: true) }

    /// Looks the record's worker up.
    ///
    /// A record that lacks a field of the template names no worker, so nobody works on it. What names the worker, or
    /// doesn't, is guarded: another one that takes the record meanwhile wins.
    func state(of record: Record) throws(RecordError) -> State {
        let absent = template.fields.filter { record.present($0) == nil }
        guard absent.isEmpty else {
            let guards = absent.map { Guard.field($0, equals: record[$0]) }
            return .gone(guards: guards, because: "no \(absent.joined(separator: ", "))")
        }
        let key = try template.expand(for: record)
        switch try record.exists(key) {
        case nil: return .unknown(.exists(key: key))
        case true?: return .alive(key: key)
        case false?:
            let owner = template.fields.map { Guard.field($0, equals: record[$0]) }
            return .gone(guards: [.keyAbsent(key)] + owner, because: "\(key) is gone")
        }
    }
}
