/// What many changes of one commit call have in common, with holes for what differs.
///
/// A page of stuck jobs is the same three guards and four commands over and over. Sent once, the common part costs
/// nothing per record, neither on the wire nor in Lua; a change then carries only its own keys and values. The format is
/// described at `curfew_commit` in `curfew.lua`, which is its other half.
struct Statement: Equatable, Sendable {
    /// What becomes of the change's index entry.
    enum IndexEffect: String, Sendable {
        case remove, score, none
    }

    /// A key of the change itself, by its place among them, or one that all changes of the call share.
    enum Key: Equatable, Sendable {
        case own(Int)
        case shared(SharedKey)

        var code: String {
            switch self {
            case .own(let number): String(number)
            case .shared(let key): String(-1 - key.rawValue)
            }
        }
    }

    /// The keys that all changes of a call share, in the order in which they are passed.
    enum SharedKey: Int, CaseIterable, Codable {
        case index, events, seen, saga
    }

    /// Something that each change brings along: one of its values, by number from 1, or one of its own keys, by number
    /// from −1.
    struct Source: Equatable {
        /// Nothing is brought along.
        static let none = Source(number: 0)
        let number: Int
    }

    /// One thing that must still be so.
    struct Guard: Equatable {
        /// What is compared; the names are those of the checks in `curfew.lua`.
        enum Check: String, Codable {
            case equals, differs, absent, text, exists, missing, score, holds
        }
        var check: Check
        var key: Key
        /// The field and the value, where they are the same for all changes.
        var field = ""
        var value = ""
        var fieldFrom = Source.none
        var valueFrom = Source.none
    }

    /// One argument of a command: the same for all changes, or brought along by each.
    enum Argument: Equatable {
        case constant(String)
        case hole(Source)
    }

    /// One Redis command; its key comes right after its name.
    struct Write: Equatable {
        var command: String
        var key: Key
        var arguments: [Argument]
    }

    var ownKeys = 0
    var index: IndexEffect
    var values = 0
    var guards: [Guard] = []
    var writes: [Write] = []

    /// The statement as arguments of `curfew_commit`.
    func append(to arguments: inout [String]) {
        arguments += [String(ownKeys), index.rawValue, String(values), String(guards.count)]
        for item in guards {
            arguments += [
                item.check.rawValue, item.key.code, item.field, item.value, String(item.fieldFrom.number),
                String(item.valueFrom.number),
            ]
        }
        arguments.append(String(writes.count))
        for write in writes {
            var words: [String] = []
            var holes: [String] = []
            // The name and the key's place come first, so the arguments begin at the third.
            for (number, argument) in write.arguments.enumerated() {
                switch argument {
                case .constant(let text): words.append(text)
                case .hole(let source):
                    words.append("")
                    holes += [String(number + 3), String(source.number)]
                }
            }
            arguments += [write.key.code, String(words.count + 2), String(holes.count / 2), write.command, ""]
            arguments += words + holes
        }
    }
}
