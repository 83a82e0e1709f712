internal import Policies
internal import RedisClient
internal import Synchronization

/// A record as it was read: the fields that the policy declares, and the answers to what it has asked.
///
/// Text is what the bytes say as UTF-8. Text that is none has a private-use scalar for each byte from 0x80 on, so that what
/// is handed back is what was read; ``bytes(of:)`` has the bytes as they are.
public struct PolicyRecord: Sendable {
    let record: Record
    let times: TimeReading
    let now: Timestamp
    /// The declared fields, and what is noted of others.
    let watch: FieldWatch
    /// How long a record may take in this run: that of the policy, or of `--timeout`.
    public let timeout: Duration

    /// The id: what `<id>` in templates stands for.
    public var id: String { record.id.forProgram }

    /// The key that the record is at; of a record that is a member of a registry, that of the registry.
    public var key: String { record.key.forProgram }

    /// The value of a field; nil where it is absent.
    ///
    /// A record that is a plain string has the one field `value`. What the gaps of its key hold can be had like fields. A
    /// field that the policy doesn't declare is nil, and the verdict becomes the record's error.
    public subscript(field: String) -> String? { raw(field.fromProgram)?.forProgram }

    /// The value of a field; nil where it is absent or empty, which means the same to most applications.
    public func present(_ field: String) -> String? {
        guard let value = self[field], !value.isEmpty else { return nil }
        return value
    }

    /// The bytes of a field; nil where it is absent.
    public func bytes(of field: String) -> [UInt8]? { raw(field.fromProgram).map(ByteText.bytes(of:)) }

    /// The whole number in a field; nil where it is absent or empty.
    ///
    /// - Throws: ``PolicyError`` where it is anything else.
    public func integer(_ field: String) throws -> Int64? {
        guard let value = present(field) else { return nil }
        guard let number = Int64(value) else {
            throw PolicyError("\(field) is “\(value.shortened(to: 80))”: expected a whole number")
        }
        return number
    }

    /// The time in a field, in any of the forms that records write; nil where it is absent, empty or says “no time”.
    ///
    /// `time-unit`, `zone` and `null-times` of the cleanup count.
    ///
    /// - Throws: ``PolicyError`` where it can't be read, or is more than a day ahead.
    public func time(_ field: String) throws -> PolicyTime? {
        _ = raw(field.fromProgram)
        do throws(RecordError) {
            return try record.time(field.fromProgram, by: times, at: now).map { PolicyTime($0.time.timestamp) }
        } catch {
            throw PolicyError(error.message.forProgram)
        }
    }

    /// A time in the form of the one in a field, so that the application can read it; ISO 8601 where there is none.
    public func text(for time: PolicyTime, like field: String) -> String {
        _ = raw(field.fromProgram)
        if let text = record[field.fromProgram], case .time(let found) = times.read(text) {
            return found.text(for: time.timestamp)
        }
        return time.description
    }

    /// That these fields are still as they were read: what a verdict that rests on them is guarded by.
    public func unchanged(_ fields: String...) -> [PolicyGuard] {
        fields.map { PolicyGuard(.field($0.fromProgram, equals: raw($0.fromProgram))) }
    }

    /// Whether a key exists; nil where ``PolicyQuestion/exists(_:)`` has to be asked first.
    ///
    /// - Throws: ``PolicyError`` where that can't be told.
    public func exists(_ key: String) throws -> Bool? {
        guard case .exists(let exists)? = try answer(.exists(key: key.fromProgram)) else { return nil }
        return exists
    }

    /// What is in a field of the hash at another key; nil where ``PolicyQuestion/field(_:of:)`` has to be asked first.
    ///
    /// - Throws: ``PolicyError`` where that can't be told, as where the key is no hash.
    public func value(of field: String, in key: String) throws -> PolicyValue? {
        guard case .field(let exists, let value)? = try answer(.field(key: key.fromProgram, field: field.fromProgram))
        else {
            return nil
        }
        return PolicyValue(text: value?.forProgram, keyExists: exists)
    }

    /// The number at a key, or how many elements it has, 0 where there is nothing; nil where
    /// ``PolicyQuestion/count(of:)`` has to be asked first.
    ///
    /// - Throws: ``PolicyError`` where that can't be told.
    public func count(of key: String) throws -> Int64? {
        guard case .count(let count)? = try answer(.count(key: key.fromProgram)) else { return nil }
        return count
    }

    /// Whether something stands in a list, set, sorted set or hash; nil where ``PolicyQuestion/contains(_:in:)`` has to
    /// be asked first.
    ///
    /// - Throws: ``PolicyError`` where that can't be told.
    public func contains(_ member: String, in key: String) throws -> Bool? {
        guard case .standing(let standing, _)? = try answer(.standing(key: key.fromProgram, member: member.fromProgram))
        else {
            return nil
        }
        return standing != nil
    }

    private func answer(_ question: Question) throws -> Answer? {
        guard let answer = record.answers[question] else { return nil }
        switch answer {
        case .unreadable(let why): throw PolicyError(why.forProgram)
        case .tooMany(let limit): throw PolicyError("there are more than \(limit) elements, too many to be read")
        default: return answer
        }
    }

    /// The held text of a field.
    func raw(_ field: String) -> String? {
        if let value = record[field] { return value }
        watch.looked(at: field)
        return nil
    }
}

/// What is in a field of a hash beside the record.
public struct PolicyValue: Sendable, Hashable {
    /// The text; nil where the hash has no such field, or there is no hash.
    public let text: String?
    /// Whether there is a hash at the key.
    public let keyExists: Bool
}

/// Notes which field was looked at that nobody has declared.
///
/// One goes with all records of a batch; only fields without a value are looked up.
final class FieldWatch: Sendable {
    private let declared: Set<String>
    private let found = Mutex<String?>(nil)

    init(_ declared: Set<String>) {
        self.declared = declared
    }

    func looked(at field: String) {
        guard !declared.contains(field) else { return }
        found.withLock { $0 = $0 ?? field }
    }

    /// The first that was noted since the last time.
    func take() -> String? {
        found.withLock { found in
            defer { found = nil }
            return found
        }
    }
}
