internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Policies

/// What a request asks for behind the `?`.
struct Query {
    private let parameters: [(name: String, value: String)]

    /// Takes the parameters of a request; throws 400 where one isn't known.
    init(_ request: Request, known: [String]) throws(AdminError) {
        parameters = PercentText.pairs(request.uri.query ?? "")
        for (name, _) in parameters where !known.contains(name) {
            let names = known.isEmpty ? "none" : "one of \(known.joined(separator: ", "))"
            throw AdminError(.badRequest, "\(name): unknown parameter (expected \(names))")
        }
    }

    /// A text, held as `ByteText` says; nil where it is absent.
    func text(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    /// A whole number within a range; nil where it is absent.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(AdminError) -> Int? {
        guard let text = text(name) else { return nil }
        let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isPlain, let number = Int(text), range.contains(number) else {
            throw AdminError(
                .badRequest,
                "\(name): expected a whole number from \(range.lowerBound) to \(range.upperBound), found “\(text)”")
        }
        return number
    }

    /// A time with its unit (`10m`, `+2h`), at most ten years; nil where it is absent.
    func duration(_ name: String) throws(AdminError) -> Duration? {
        guard let text = text(name) else { return nil }
        // A plus sign in a query is a space to whoever wrote it into an address by hand.
        let plain = text.drop { $0 == "+" || $0 == " " }
        guard let duration = Duration(text: String(plain)), duration > .zero, duration < .seconds(3_650 * 86_400) else {
            throw AdminError(.badRequest, "\(name): expected a duration like 10m or 2h, found “\(text)”")
        }
        return duration
    }

    /// `limit` and `cursor` of a list.
    func part() throws(AdminError) -> AdminService.Part {
        let limit = try integer("limit", in: 1...AdminService.mostListed) ?? 50
        guard let cursor = text("cursor") else { return .init(limit: limit) }
        guard cursor.wholeMatch(of: /[0-9]{1,19}-[0-9]{1,19}/) != nil else {
            throw AdminError(.badRequest, "cursor: expected the “next” of an earlier page, found “\(cursor)”")
        }
        return .init(limit: limit, cursor: cursor)
    }
}
