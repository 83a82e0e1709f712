internal import Foundation
public import Policies

extension Amount: Codable {
    /// Reads a number of JSON.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let number = try container.decode(Decimal.self)
        guard let amount = Amount(text: number.description) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected an amount")
        }
        self = amount
    }

    /// Writes a number of JSON: a decimal with all its digits, without zeros at its end.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let whole {
            try container.encode(whole)
        } else if let number = Decimal(string: text, locale: Locale(identifier: "en_US_POSIX")) {
            try container.encode(number)
        } else {
            try container.encode(approximate)
        }
    }
}
