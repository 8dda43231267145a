import { join } from 'node:path';
import { kafkaJars } from './kafka-jars';
import { runProgram } from './run-program';

const PROGRAM = join(__dirname, 'KafkaProtocol.java');

/** An error code as Kafka's own table has it. */
export interface JavaError {
  readonly code: number;
  readonly name: string;
  /** What its exception is an instance of. */
  readonly retriable: boolean;
  readonly invalidMetadata: boolean;
  readonly refreshRetriable: boolean;
}

/** The body of a request or a response. */
export interface JavaMessage {
  readonly key: number;
  readonly version: number;
  readonly direction: 'request' | 'response';
  readonly bytes: Buffer;
}

/** What Java made of a message: the bytes it left, and what it writes when it is asked for the same again. */
export type JavaAnswer = { readonly left: number; readonly written: Buffer } | { readonly refused: string };

/** The classes that Kafka generates from its message definitions, and its error table, without a broker. */
export const javaProtocol = {
  async errors(): Promise<readonly JavaError[]> {
    return (await run(['errors'], '')).map(([code, name, ...flags]) => {
      const [retriable, invalidMetadata, refreshRetriable] = flags.map(flag => flag === 'true');
      return {
        code: Number(code),
        name: name!,
        retriable: retriable!,
        invalidMetadata: invalidMetadata!,
        refreshRetriable: refreshRetriable!,
      };
    });
  },

  /** Reads each and writes it again, in order. */
  async roundTrip(messages: readonly JavaMessage[]): Promise<readonly JavaAnswer[]> {
    const input = messages.map(
      ({ key, version, direction, bytes }) => `${key}\t${version}\t${direction}\t${bytes.toString('hex')}\n`,
    );
    const answers = await run(['messages'], input.join(''));
    return answers.map(([left, rest]) =>
      left === 'refused' ? { refused: rest! } : { left: Number(left), written: Buffer.from(rest!, 'hex') },
    );
  },
};

async function run(args: readonly string[], input: string): Promise<string[][]> {
  const jars = await kafkaJars();
  const java = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`, PROGRAM, ...args];
  const text = (await runProgram('java', java, { input, timeoutMs: 120_000 })).toString();
  return text
    .split('\n')
    .filter(line => line.includes('\t'))
    .map(line => line.split('\t'));
}
