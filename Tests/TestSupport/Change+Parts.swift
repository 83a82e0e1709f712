package import Policies

/// A change by its parts, as most tests look at one.
extension Change {
    /// The fields that are written.
    package var sets: [FieldWrite] { write?.sets ?? [] }

    /// What was there before.
    package var before: [FieldWrite] {
        for effect in effects {
            if case .remove(let image) = effect { return image }
        }
        return write?.before ?? []
    }

    /// Where the id is pushed.
    package var push: Push? {
        for case .put(let push) in effects { return push }
        return nil
    }

    /// The keys that go with the record.
    package var alsoRemoved: [String] {
        effects.compactMap { if case .discard(let key) = $0 { key } else { nil } }
    }

    /// The keys of the objects that are deleted.
    package var objectKeys: [String] { objects?.keys ?? [] }

    /// How much storage that frees.
    package var bytes: Int64 { objects?.bytes ?? 0 }

    /// Makes a change of the usual parts.
    package init(
        action: Action, from: String, to: String, reason: String, type: String = "", age: Duration,
        timeout: Duration, guards: [Policies.Guard], sets: [FieldWrite]? = nil, removesRecord: Bool = false,
        also: [String] = [], objects: ObjectDeletion? = nil, push: Push? = nil, refund: Refund? = nil,
        before: [FieldWrite] = [], drift: Int64 = 0, next: Timestamp? = nil
    ) {
        var effects: [Effect] = []
        if let objects { effects.append(.objects(objects)) }
        if let refund { effects.append(.pay(refund)) }
        if let sets { effects.append(.write(RecordWrite(sets, before: before))) }
        if let push { effects.append(.put(push)) }
        if removesRecord { effects.append(.remove(image: before)) }
        effects += also.map { .discard($0) }
        self.init(
            action: action, from: from, to: to, reason: reason, type: type, age: age, timeout: timeout, guards: guards,
            effects: effects, drift: drift, next: next)
    }
}
