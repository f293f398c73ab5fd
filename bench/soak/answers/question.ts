// What both servers are asked: a subject, a body and headers, with places for what each server has told before.

export interface Question {
  /** `{{ack}}` stands for the acknowledgement subject of the message that this server has delivered last. */
  readonly subject: string;
  /** `{{pin}}` stands for the id that this server has pinned last. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How many messages answer it at most; a status (404, 408, 409, 204) comes last. */
  readonly answers: number;
  /** What follows the inbox in the reply subject: publishers of fast batches say there what they want. */
  readonly replyEnd: string;
  /** Whether it changes nothing: it is asked again while the servers still work at what was asked before. */
  readonly isReading: boolean;
}

/** A question with one answer. */
export function question(subject: string, body: unknown = "", more: Partial<Question> = {}): Question {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { subject, body: text, headers: {}, answers: 1, replyEnd: "", isReading: false, ...more };
}

/** A question that changes nothing. */
export function reading(subject: string, body: unknown = "", more: Partial<Question> = {}): Question {
  return question(subject, body, { isReading: true, ...more });
}

/** As it is shown to somebody who wants to ask it again. */
export function shown({ subject, body, headers, replyEnd }: Question): string {
  const block = Object.keys(headers).length === 0 ? "" : ` ${JSON.stringify(headers)}`;
  return `${subject} ${body.length > 700 ? `${body.slice(0, 700)}...` : body}${block}${replyEnd && ` reply ${replyEnd}`}`;
}
