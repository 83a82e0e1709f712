import Foundation
import TestNeeds
import TestSupport
import Testing

@testable import Policies

/// Made-up documents against Foundation's reader, and against the texts they were made of.
@Suite("JSON records: random documents", .tags(.pure))
struct JSONRecordFuzzTests {
    /// A document as text, and where its leaves are.
    private struct Document {
        var text = ""
        /// The path of each leaf and the characters of its value.
        var leaves: [(path: String, range: Range<Int>)] = []
        /// The paths of objects, the outermost (empty) included.
        var objects: [String] = []

        mutating func add(_ piece: String) { text += piece }
    }

    /// Writes a document as an app might, with whatever spacing, escapes and numbers come to its mind.
    private struct Writer {
        var generator: SeededGenerator
        var document = Document()

        static let words = [
            "status", "a", "b", "é", "x y", "tab\\t", "q\\\"", "back\\\\", "\\u0041", "😀", "\\ud83d\\ude00", "0", "1",
        ]
        static let numbers = [
            "0", "-0", "7", "-12", "1690000000", "1690000000000", "1.50", "2e3", "1E-2", "-0.0", "12345678901234567890",
        ]

        mutating func space() {
            guard generator.chance(20) else { return }
            document.add(generator.pick([" ", "\n  ", "\t", "\r\n", "   "]))
        }

        mutating func leaf(_ path: String) {
            let start = document.text.utf8.count
            switch generator.pick([0, 1, 2, 3]) {
            case 0: document.add(generator.pick(Self.numbers))
            case 1: document.add(generator.pick(["true", "false", "null"]))
            default: document.add("\"" + generator.pick(Self.words) + generator.pick(Self.words) + "\"")
            }
            document.leaves.append((path, start..<document.text.utf8.count))
        }

        mutating func object(_ path: String, depth: Int) {
            document.objects.append(path)
            document.add("{")
            space()
            let count = generator.pick([0, 1, 2, 3, 5])
            for number in 0..<count {
                if number > 0 { document.add(",") }
                space()
                // The number keeps names apart; the letters do their best to confuse.
                let name = "k\(number)" + generator.pick(["", "é", "😀", "x y"])
                document.add("\"\(name)\"")
                space()
                document.add(":")
                space()
                value(path.isEmpty ? name : "\(path).\(name)", depth: depth + 1)
                space()
            }
            document.add("}")
        }

        mutating func value(_ path: String, depth: Int) {
            guard depth < 4, generator.chance(35) else { return leaf(path) }
            guard generator.chance(30) else { return object(path, depth: depth) }
            document.add("[")
            space()
            for number in 0..<generator.pick([0, 1, 3]) {
                if number > 0 { document.add(",") }
                space()
                var inner = Writer(generator: generator)
                inner.value("", depth: depth + 1)
                generator = inner.generator
                document.add(inner.document.text)
                space()
            }
            document.add("]")
        }

        mutating func make() -> Document {
            document = Document()
            space()
            object("", depth: 0)
            space()
            return document
        }
    }

    /// What Foundation makes of it; nil where it refuses.
    private func foundation(_ bytes: [UInt8]) -> NSDictionary? {
        do {
            return try JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary
        } catch {
            return nil
        }
    }

    private func foundation(_ object: NSDictionary, at path: String) -> Any? {
        var value: Any? = object
        for name in path.split(separator: ".") { value = (value as? NSDictionary)?[String(name)] }
        return value is NSNull ? nil : value
    }

    /// Whether a field says what Foundation says: the same text, or the same number or flag.
    private func isSame(_ text: String?, _ value: Any?) -> Bool {
        switch (text, value) {
        case (nil, nil): true
        case (let text?, let string as String): text == string.held
        case (let text?, let number as NSNumber):
            text == "true" || text == "false"
                ? number.boolValue == (text == "true") : Double(text) == number.doubleValue
        default: false
        }
    }

    @Test("every leaf says what Foundation says, and is where it was written", arguments: seeds)
    func reads(seed: UInt64) throws {
        var writer = Writer(generator: SeededGenerator(seed: seed))
        for _ in 0..<2_000 {
            let document = writer.make()
            let record = try JSONRecord(document.text)
            let object = try #require(foundation(Array(document.text.utf8)), "\(document.text)")
            for (path, range) in document.leaves where !path.isEmpty {
                #expect(isSame(try record[path.held], foundation(object, at: path)), "\(path) of \(document.text)")
                #expect(try record.spot(of: path.held).value?.range == range)
            }
        }
    }

    @Test("a broken document is accepted or refused as Foundation does", arguments: seeds)
    func breaks(seed: UInt64) {
        var writer = Writer(generator: SeededGenerator(seed: seed))
        var accepted = 0
        for _ in 0..<5_000 {
            var bytes = Array(writer.make().text.utf8)
            for _ in 0..<writer.generator.pick([1, 1, 2, 3]) where !bytes.isEmpty {
                let place = Int.random(in: bytes.indices, using: &writer.generator)
                let byte = writer.generator.pick(Array("{}[]\",:\\0123456789-+.eEtfnu \n/".utf8) + [0, 0x1F, 0x7F])
                switch writer.generator.pick([0, 1, 2]) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(byte, at: place)
                default: bytes[place] = byte
                }
            }
            // Foundation takes a comma before a closing bracket, which RFC 8259 doesn't, and refuses numbers beyond `Double`
            // and halves of surrogate pairs.
            guard let text = String(validating: bytes, as: UTF8.self),
                !text.contains(/,\s*[}\]]|[eE]\+?\d{3}|\\u[dD][89a-fA-F]/)
            else { continue }
            let isRead: Bool
            do {
                _ = try JSONRecord(text)
                isRead = true
            } catch {
                isRead = false
            }
            if isRead { accepted += 1 }
            #expect(isRead == (foundation(bytes) != nil), "\(text.debugDescription)")
        }
        #expect(accepted > 500, "the documents are too broken to tell much")
    }

    @Test("in 10,000 documents everything but the written path stays byte for byte")
    func writes() throws {
        let seed = UInt64.random(in: 1...9_999_999)
        var writer = Writer(generator: SeededGenerator(seed: seed))
        for _ in 0..<10_000 {
            let document = writer.make()
            let value = writer.generator.pick(["FAILED", "7", "1690000000000", "q\"\\\n", "true", "", nil])
            let before = Array(document.text.utf8)
            let known = document.leaves.filter { !$0.path.isEmpty }
            if !known.isEmpty, writer.generator.chance(60) {
                let leaf = writer.generator.pick(known)
                let after = try JSONRecord.setting([FieldWrite(field: leaf.path.held, value: value)], in: document.text)
                expect(HeldBytes.bytes(of: after), from: before, at: leaf.range, isRemoved: value == nil, seed)
                #expect(try JSONRecord(after)[leaf.path.held] == value)
            } else {
                let object = writer.generator.pick(document.objects)
                let path = ((object.isEmpty ? "" : object + ".") + writer.generator.pick(["new", "new.deeper"])).held
                let after = try JSONRecord.setting([FieldWrite(field: path, value: value)], in: document.text)
                let (prefix, suffix) = common(before, HeldBytes.bytes(of: after))
                #expect(prefix + suffix >= before.count, "something was lost: seed \(seed), \(path), \(document.text)")
                #expect(try JSONRecord(after)[path] == value)
                // Taken out again, it was never there, apart from an object that was made for it.
                guard !path.hasSuffix("deeper") else { continue }
                let undone = try JSONRecord.setting([FieldWrite(field: path, value: nil)], in: after)
                #expect(undone.held == document.text.held, "seed \(seed)")
            }
        }
    }

    /// How many bytes two texts have in common at either end.
    private func common(_ one: [UInt8], _ other: [UInt8]) -> (prefix: Int, suffix: Int) {
        let prefix = zip(one, other).prefix { $0 == $1 }.count
        return (prefix, zip(one.reversed(), other.reversed()).prefix { $0 == $1 }.count)
    }

    private func expect(_ after: [UInt8], from before: [UInt8], at range: Range<Int>, isRemoved: Bool, _ seed: UInt64) {
        guard isRemoved else {
            #expect(after.starts(with: before[..<range.lowerBound]), "seed \(seed)")
            #expect(
                after.reversed().starts(with: before[range.upperBound...].reversed()), "seed \(seed)")
            return
        }
        // A member that is gone took its name, its comma and the space between along, and no more.
        let (prefix, suffix) = common(before, after)
        #expect(prefix + suffix >= after.count, "seed \(seed)")
    }
}
