internal import RedisClient

/// A configuration that is proposed for what was found, with the evidence and the doubts as comments.
///
/// Whatever of it isn't a comment is read as every configuration is before it is printed; what wouldn't be is made a
/// comment that says why.
package struct Proposal: Sendable {
    /// The text of the file.
    package let text: String
    /// The same in parts, for programs.
    package let answer: Answer

    /// What was found and what is proposed, for programs.
    package struct Answer: Sendable, Encodable {
        /// A job system that was recognised.
        package struct System: Sendable, Encodable {
            /// The name of its preset, how many of its keys there are, and some of them.
            package var preset: String, keys: Int, marks: [String]
            /// What its keys begin with, where that differs.
            package var prefix: String?
        }
        /// A field and what it probably is.
        package struct Field: Sendable, Encodable {
            /// Its name, its role in a word, and in how many of the records read it says something.
            package var name: String, role: String, filled: Int
            /// The forms of its times.
            package var forms: [String]?
        }
        /// A state with its meaning, and in how many of the records read it is.
        package struct State: Sendable, Encodable {
            /// As written, what it probably means, and how often it was seen.
            package var state: String, kind: String, count: Int
        }
        /// The keys of one template and one type.
        package struct Shape: Sendable, Encodable {
            /// Its template, the type of its keys, about how many there are, and how many were read.
            package var template: String, type: String, keys: Int, sampled: Int, expiring: Int
            /// Whether they are texts with a JSON object each.
            package var json: Bool
            /// The field with the state.
            package var status: String?
            /// The states.
            package var states: [State]?
            /// The fields.
            package var fields: [Field]?
        }
        /// A field whose values stand in keys.
        package struct Link: Sendable, Encodable {
            /// The records, their field, the keys with the field in its place.
            package var records: String, field: String, key: String
            /// How many values were looked for, and how many of the keys are there.
            package var asked: Int, found: Int
        }
        /// A list, set or the like with ids of records.
        package struct Registry: Sendable, Encodable {
            /// Its key or template, its type, the records, how a member reads.
            package var key: String, type: String, records: String, member: String
            /// How many members were looked for, and how many of their records are there.
            package var asked: Int, found: Int
            /// The states of these records.
            package var states: [String: Int]
        }
        /// A cleanup that is proposed.
        package struct Cleanup: Sendable, Encodable {
            /// Its name, policy and records.
            package var name: String, policy: String, records: String
            /// Why it is only a comment; nil: it isn't.
            package var doubt: String?
        }

        /// How many keys there are, how many were looked at, and whether these are all.
        package var keys: Int, scanned: Int, complete: Bool
        /// How many shapes of keys were left out.
        package var omitted: Int
        /// What was recognised and found.
        package var systems: [System], shapes: [Shape], links: [Link], registries: [Registry]
        /// What is proposed.
        package var cleanups: [Cleanup]
        /// The text of the file.
        package var yaml: String
    }

    /// Makes it from what was found.
    ///
    /// - Parameter redis: the lines of the file that say where Redis is.
    init(_ findings: Findings, redis: String) {
        let cleanups = Proposer(findings).cleanups
        var reasons: [String: String] = [:]
        for cleanup in cleanups where cleanup.doubt == nil {
            reasons[cleanup.name] = Self.problem(of: cleanup, redis)
        }
        var presets: String?
        var presetProblem: String?
        if !findings.systems.isEmpty {
            let line = Self.presets(findings.systems)
            presetProblem = Self.problem("\(redis)\n\(line)\ncleanups:\n")
            presets = line
        }
        var page = ProposalText(findings)
        page.begin(redis)
        if let presets { page.add(presets, out: presetProblem) }
        page.add(cleanups, out: reasons)
        page.addOthers(cleanups)
        text = page.text
        answer = Self.answer(findings, cleanups, reasons, text)
    }

    /// The line of the presets.
    private static func presets(_ systems: [FoundSystem]) -> String {
        let sections = systems.map { system in
            system.prefix.map { "\(system.name): {prefix: \(YAMLText.scalar($0))}" } ?? system.name
        }
        guard systems.contains(where: { $0.prefix != nil }) else {
            return sections.count == 1 ? "preset: \(sections[0])" : "preset: [\(sections.joined(separator: ", "))]"
        }
        let all = zip(systems, sections).map { $0.prefix == nil ? "\($1): {}" : $1 }
        return "preset: {\(all.joined(separator: ", "))}"
    }

    /// Why a cleanup can't be read; nil if it can.
    private static func problem(of cleanup: ProposedCleanup, _ redis: String) -> String? {
        let storage = cleanup.storage.map { ProposalText.storage($0) } ?? ""
        return problem("\(redis)\n\(storage)cleanups:\n\(cleanup.text())")
    }

    private static func problem(_ text: String) -> String? {
        do {
            // Its address may need variables that only the user's environment has.
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let rest = lines.filter { !$0.hasPrefix("redis") }
            let whole = "redis: redis://127.0.0.1\n" + rest.joined(separator: "\n")
            _ = try Configuration.parse(whole, file: "", environment: [:])
            return nil
        } catch {
            return error.problems.first.map { YAMLText.comment("\($0.path): \($0.message)", atMost: 200) }
        }
    }

    private static func answer(
        _ findings: Findings, _ cleanups: [ProposedCleanup], _ reasons: [String: String], _ text: String
    ) -> Answer {
        Answer(
            keys: findings.keys, scanned: findings.scanned, complete: findings.isComplete, omitted: findings.omitted,
            systems: findings.systems.map {
                Answer.System(preset: $0.name, keys: $0.keys, marks: $0.marks, prefix: $0.prefix)
            },
            shapes: findings.shapes.map(shape),
            links: findings.links.map {
                Answer.Link(records: $0.from, field: $0.field, key: $0.template, asked: $0.asked, found: $0.found)
            },
            registries: findings.registries.map {
                Answer.Registry(
                    key: $0.key, type: $0.type, records: $0.record, member: $0.member, asked: $0.asked,
                    found: $0.found, states: $0.states)
            },
            cleanups: cleanups.map {
                Answer.Cleanup(
                    name: $0.name, policy: $0.policy, records: $0.records, doubt: $0.doubt ?? reasons[$0.name])
            },
            yaml: text)
    }

    private static func shape(_ shape: ShapeFacts) -> Answer.Shape {
        let facts = shape.records
        return Answer.Shape(
            template: shape.template, type: shape.type, keys: shape.count, sampled: shape.sampled,
            expiring: shape.expiring, json: shape.isJSON, status: facts?.status,
            states: facts.map {
                $0.states.map { Answer.State(state: $0.text, kind: $0.kind.rawValue, count: $0.count) }
            },
            fields: facts.map { facts in
                facts.fields.map { field in
                    Answer.Field(
                        name: field.name, role: (facts.roles[field.name] ?? .other).rawValue, filled: field.filled,
                        forms: field.isTime ? field.forms : nil)
                }
            })
    }
}
