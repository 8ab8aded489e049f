// Generated from command.proto by "bun run proto".
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["raftlet/machine/command"] || ($protobuf.roots["raftlet/machine/command"] = {});

export const CommandRecord = $root.CommandRecord = (() => {

    const CommandRecord = function (properties) {
        if (properties)
            for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                if (properties[keys[i]] != null && keys[i] !== "__proto__")
                    this[keys[i]] = properties[keys[i]];
    };

    CommandRecord.prototype.actor = "";
    CommandRecord.prototype.key = "";
    CommandRecord.prototype.command = "";
    CommandRecord.prototype.input = "";
    CommandRecord.prototype.idempotencyKey = "";
    CommandRecord.prototype.expectedRevisionPlusOne = 0;
    CommandRecord.prototype.version = "";
    CommandRecord.prototype.seed = $util.newBuffer([]);
    CommandRecord.prototype.caller = "";
    CommandRecord.prototype.door = "";
    CommandRecord.prototype.timer = "";

    CommandRecord.encode = function (message, writer, _depth) {
        if (!writer)
            writer = $Writer.create();
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $util.recursionLimit)
            throw $Error("max depth exceeded");
        if (message.actor != null && $Object.hasOwnProperty.call(message, "actor") && message.actor !== "")
            writer.uint32(10).string(message.actor);
        if (message.key != null && $Object.hasOwnProperty.call(message, "key") && message.key !== "")
            writer.uint32(18).string(message.key);
        if (message.command != null && $Object.hasOwnProperty.call(message, "command") && message.command !== "")
            writer.uint32(26).string(message.command);
        if (message.input != null && $Object.hasOwnProperty.call(message, "input") && message.input !== "")
            writer.uint32(34).string(message.input);
        if (message.idempotencyKey != null && $Object.hasOwnProperty.call(message, "idempotencyKey") && message.idempotencyKey !== "")
            writer.uint32(42).string(message.idempotencyKey);
        if (message.expectedRevisionPlusOne != null && $Object.hasOwnProperty.call(message, "expectedRevisionPlusOne") && !$Object.is(message.expectedRevisionPlusOne, 0))
            writer.uint32(49).double(message.expectedRevisionPlusOne);
        if (message.version != null && $Object.hasOwnProperty.call(message, "version") && message.version !== "")
            writer.uint32(58).string(message.version);
        if (message.seed != null && $Object.hasOwnProperty.call(message, "seed") && message.seed.length)
            writer.uint32(66).bytes(message.seed);
        if (message.caller != null && $Object.hasOwnProperty.call(message, "caller") && message.caller !== "")
            writer.uint32(74).string(message.caller);
        if (message.door != null && $Object.hasOwnProperty.call(message, "door") && message.door !== "")
            writer.uint32(82).string(message.door);
        if (message.timer != null && $Object.hasOwnProperty.call(message, "timer") && message.timer !== "")
            writer.uint32(90).string(message.timer);
        if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
            for (let i = 0; i < message.$unknowns.length; ++i)
                writer.raw(message.$unknowns[i]);
        return writer;
    };

    CommandRecord.decode = function (reader, length, _end, _depth, _target) {
        if (!(reader instanceof $Reader))
            reader = $Reader.create(reader);
        if (_depth === $undefined)
            _depth = 0;
        if (_depth > $Reader.recursionLimit)
            throw $Error("max depth exceeded");
        let end, message, value;
        if (length === $undefined)
            end = reader.len;
        else {
            end = reader.pos + length;
            if (end > reader.len)
                throw $RangeError("index out of range");
            length = reader.len;
            reader.len = end;
        }
        message = _target || new $root.CommandRecord();
        while (reader.pos < end) {
            let start = reader.pos;
            let tag = reader.tag();
            if (tag === _end) {
                _end = $undefined;
                break;
            }
            let wireType = tag & 7;
            switch (tag >>>= 3) {
            case 1: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.actor = value;
                    else
                        delete message.actor;
                    continue;
                }
            case 2: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.key = value;
                    else
                        delete message.key;
                    continue;
                }
            case 3: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.command = value;
                    else
                        delete message.command;
                    continue;
                }
            case 4: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.input = value;
                    else
                        delete message.input;
                    continue;
                }
            case 5: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.idempotencyKey = value;
                    else
                        delete message.idempotencyKey;
                    continue;
                }
            case 6: {
                    if (wireType !== 1)
                        break;
                    if (!$Object.is(value = reader.double(), 0))
                        message.expectedRevisionPlusOne = value;
                    else
                        delete message.expectedRevisionPlusOne;
                    continue;
                }
            case 7: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.version = value;
                    else
                        delete message.version;
                    continue;
                }
            case 8: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.bytes()).length)
                        message.seed = value;
                    else
                        delete message.seed;
                    continue;
                }
            case 9: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.caller = value;
                    else
                        delete message.caller;
                    continue;
                }
            case 10: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.door = value;
                    else
                        delete message.door;
                    continue;
                }
            case 11: {
                    if (wireType !== 2)
                        break;
                    if ((value = reader.stringVerify()).length)
                        message.timer = value;
                    else
                        delete message.timer;
                    continue;
                }
            }
            reader.skipType(wireType, _depth, tag);
            if (!reader.discardUnknown) {
                $util.makeProp(message, "$unknowns", false);
                (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
            }
        }
        if (length !== $undefined) {
            if (reader.pos !== end)
                throw $RangeError("index out of range");
            reader.len = length;
        }
        if (_end !== $undefined)
            throw $Error("missing end group");
        return message;
    };

    return CommandRecord;
})();

export {
  $root as default
};
