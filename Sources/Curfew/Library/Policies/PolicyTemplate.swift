internal import Policies
internal import RedisClient

/// A key with gaps: `user:<userId>:tokens`.
///
/// `<id>` is the record's id, any other `<name>` that field of the record. What a field holds fills its gap and no more: a
/// value with a brace, or with the character that follows the gap, would make another key and is an error of the record.
public struct PolicyTemplate: Sendable, Hashable, CustomStringConvertible {
    let template: KeyTemplate

    /// Reads a template.
    ///
    /// - Throws: ``PolicyError`` where it is empty, or a gap isn't opened, closed or named: what, and at which column.
    public init(_ text: String) throws {
        do throws(TemplateError) {
            template = try KeyTemplate(text.fromProgram)
        } catch {
            throw PolicyError("“\(text)” is not a key: \(error.description.forProgram)")
        }
    }

    init(_ template: KeyTemplate) {
        self.template = template
    }

    /// The template as written.
    public var description: String { template.text.forProgram }

    /// The key for a record.
    ///
    /// - Throws: ``PolicyError`` where a field is missing or empty, or holds what would make another key of it.
    public func key(for record: PolicyRecord) throws -> String {
        do throws(RecordError) {
            return try template.expand(for: record.record).forProgram
        } catch {
            throw PolicyError(error.message.forProgram)
        }
    }

    /// Whether it can have made a key for that record: what is written must be what an undo believes to have been written.
    ///
    /// Where the gaps of a record's key tell it from others, and not its id, an undo can't tell them apart either.
    func fits(_ key: String, _ record: Record) -> Bool {
        record.place == nil ? template.fits(key, id: record.id) : mayMake(key)
    }

    /// Whether it may have made a key.
    func mayMake(_ key: String) -> Bool { template.isConstant ? template.text == key : template.mayMake(key) }
}
