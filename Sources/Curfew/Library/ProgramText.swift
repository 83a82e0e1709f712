internal import RedisClient

/// Texts of a program that imports Curfew are plain Swift texts, while those inside are held bytes (`ByteText`).
///
/// What isn't UTF-8 stays held on its way out, so that an id that a program was given finds its record again.
extension String {
    /// A text of the program, as the engine needs it.
    var fromProgram: String {
        guard !isASCII else { return self }
        var text = ""
        for scalar in unicodeScalars {
            if (0x10FF80...0x10FFFF).contains(scalar.value) {
                text.unicodeScalars.append(scalar)
            } else {
                text += String(scalar).held
            }
        }
        return text
    }

    /// A text of the engine, as the program gets it.
    var forProgram: String { isASCII ? self : ByteText.valid(self) ?? self }

    /// Whether it is the same for both; asked about every text of every verdict, and so in one go over its bytes.
    private var isASCII: Bool {
        utf8.withContiguousStorageIfAvailable { bytes in bytes.reduce(0, |) < 0x80 } ?? utf8.allSatisfy { $0 < 0x80 }
    }
}

extension CurfewError {
    /// The error with texts for the program.
    var forProgram: CurfewError {
        var error = CurfewError(code, message.readable, underlying: underlying)
        error.problems = problems.map { problem in
            Problem(
                file: problem.file.readable, line: problem.line, path: problem.path.readable,
                message: problem.message.readable)
        }
        return error
    }
}

extension RunResult {
    /// The result with texts for the program.
    var forProgram: RunResult {
        var result = self
        (result.run, result.cleanup, result.instance) = (run.forProgram, cleanup.forProgram, instance.forProgram)
        (result.trigger, result.error) = (trigger.forProgram, error?.forProgram)
        result.records = records.map(\.forProgram)
        result.errors = errors.map(\.forProgram)
        result.left = left?.map(\.forProgram)
        result.undoes = undoes?.forProgram
        return result
    }
}

extension RunResult.Entry {
    var forProgram: RunResult.Entry {
        var entry = self
        (entry.id, entry.from, entry.to) = (id.forProgram, from.forProgram, to.forProgram)
        (entry.type, entry.reason) = (type.forProgram, reason.forProgram)
        return entry
    }
}

extension RunResult.Failure {
    var forProgram: RunResult.Failure { RunResult.Failure(id: id.forProgram, error: error.forProgram) }
}

extension Explanation {
    /// The explanation with texts for the program.
    var forProgram: Explanation {
        var explanation = self
        (explanation.cleanup, explanation.id, explanation.key) = (cleanup.forProgram, id.forProgram, key.forProgram)
        explanation.fields = Dictionary(fields.map { ($0.key.forProgram, $0.value.forProgram) }) { first, _ in first }
        explanation.reason = reason.forProgram
        explanation.change = change?.forProgram
        explanation.effects = effects?.map(\.forProgram)
        return explanation
    }
}

extension StreamEntry {
    /// The entry with texts for the program.
    var forProgram: StreamEntry {
        StreamEntry(id: id, fields: fields.map { ($0.name.forProgram, $0.value.forProgram) })
    }
}
